/* The filters of the chosen layer: asked for once, shown as a table. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const CONFIDENT_R = 0.5;
  const ask = rc.asker();
  let asked = "";

  /** The filters of the chosen layer as the server tells them, or null. */
  rc.filters = null;

  function verdict(match, r, sure) {
    if (match < 0) return "none";
    if (sure) return "sure";
    return r < CONFIDENT_R ? "weak" : "ambiguous";
  }

  function rows(said) {
    const died = new Set(said.died);
    const alive = new Set(said.alive);
    return said.same.map((same, filter) => {
      const match = said.match[filter];
      const still = said.a[filter] < 0 ? (said.b[filter] < 0 ? "constant" : "constant in A") : said.b[filter] < 0 ? "constant in B" : "";
      return {
        id: String(filter),
        filter,
        same,
        match: match < 0 ? null : match,
        r: said.r[filter],
        margin: said.margin[filter],
        sure: verdict(match, said.r[filter], said.sure[filter]),
        a: said.a[filter] < 0 ? null : said.a[filter],
        b: said.b[filter] < 0 ? null : said.b[filter],
        state: died.has(filter) ? "died" : alive.has(filter) ? "came alive" : still,
      };
    });
  }

  function caption(said) {
    const filters = said.same.length;
    const sure = said.sure.reduce((sum, one) => sum + one, 0);
    const kept = said.match.filter((match, filter) => match === filter).length;
    return (
      `${rc.count(filters)} filters: ${rc.count(sure)} with a sure match (r ≥ 0.5, margin ≥ 0.05), ` +
      `${rc.count(kept)} matched with the filter of their own number, ` +
      `${rc.count(said.leftOut[0])} of A and ${rc.count(said.leftOut[1])} of B never vary.`
    );
  }

  function take(said) {
    rc.filters = said;
    rc.buildFlow(said);
    rc.setText("compare-filters-caption", caption(said));
    rc.setProps("compare-filters", { rowData: rows(said) });
    rc.drawFlow();
  }

  /** Bring the filters in line with the view. */
  rc.drawFilters = function () {
    const { found } = rc.compared;
    if (!found || rc.view.tab === "images") return;
    const layer = rc.chosenLayer().name;
    const key = JSON.stringify([rc.asked(), layer]);
    if (key !== asked) {
      asked = key;
      rc.filters = null;
      ask("layer", { layer }, take);
    }
    rc.drawFlow();
  };

  rc.forgetFilters = function () {
    asked = "";
    rc.filters = null;
  };
})();
