/* The filter's cluster by each method, with its other filters. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  const r = (value) => (value === null ? "–" : `${value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`);

  function what(found) {
    if (found.cluster < 0) return "no cluster: it never varies";
    if (found.size === 1) return "single: correlates with no other";
    return `cluster ${found.cluster} · ${rc.count(found.size)} filters · mean r ${r(found.meanR)}, lowest ${r(found.lowestR)}`;
  }

  function part(method, found) {
    const { run, layers, layer } = rc.facts;
    const name = layers[layer][0];
    const head = [rc.element("strong", {}, found.method), ` ${found.symbol} = ${found.parameter}`];
    const link = rc.livePage({ run: run.id, layer: name, cluster: found.size > 1 ? found.cluster : null, method });
    const members = (found.members || []).map((filter) => rc.filterLink(run.id, name, filter, { class: "chip", title: `${rc.addressOf(name, filter)}: open its page` }, String(filter)));
    const rest = found.size > 1 ? found.size - 1 - members.length : 0;
    return [
      rc.element("div", { class: "cluster-head" }, rc.element("span", {}, ...head), rc.element("a", { href: link, class: "plain-link" }, "on the live page")),
      rc.element("p", { class: "small" }, what(found)),
      members.length ? rc.element("div", { class: "chips" }, ...members, rest > 0 ? rc.element("span", { class: "small" }, `and ${rc.count(rest)} more`) : null) : null,
    ].filter(Boolean);
  }

  async function load(method, place, still) {
    try {
      const found = await rc.ask("clusters", { method });
      if (still()) place.replaceChildren(...part(method, found));
    } catch (error) {
      if (still()) place.replaceChildren(rc.element("p", { class: "small" }, error.message));
    }
  }

  /** Ask for the clusters; a layer that was never clustered takes a moment. */
  rc.loadClusters = function (still) {
    const methods = [...rc.methods().keys()];
    const places = methods.map((method) => rc.element("div", { class: "cluster-part", "data-method": method }, rc.element("p", { class: "small waiting" }, "Clustering the layer …")));
    rc.byId("filter-clusters").replaceChildren(...places);
    methods.forEach((method, i) => load(method, places[i], still));
  };
})();
