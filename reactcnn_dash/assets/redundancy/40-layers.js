/* The table of the layers: what each has, and which share of it could go. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  let drawn = null;

  const COLUMNS = [
    ["Layer", "name", null, "Name of the layer"],
    ["Filters", "filters", rc.count, "Filters of the layer"],
    ["Dead", "dead", rc.count, "Filters that are 0 on every image"],
    ["Constant", "constant", rc.count, "Filters that never vary, the dead ones too"],
    ["r\u00a0>\u00a00.9", "pairs90", rc.count, "Pairs of filters whose GAP values correlate above 0.9"],
    ["r\u00a0>\u00a00.95", "pairs95", rc.count, "Pairs of filters whose GAP values correlate above 0.95"],
    ["Eff. rank", "rank", (rank) => rank.toFixed(1), "Effective rank of the correlation matrix (Roy & Vetterli 2007)"],
    ["Clusters", "clusters", (clusters) => rc.count(clusters.length), "Clusters of two or more filters at τ"],
    ["Could go", "couldGo", rc.count, "Filters that GAP values say could go"],
    ["Confirmed", "confirmed", rc.count, "Of these, those for which the feature maps agree"],
  ];

  const share = (part, whole) => `${((100 * part) / Math.max(1, whole)).toFixed(1)}%`;

  function bar(row) {
    const words = `${rc.count(row.couldGo)} of ${rc.count(row.filters)} filters could go, ${rc.count(row.confirmed)} confirmed`;
    const going = rc.element("span", { class: "share-going" });
    const confirmed = rc.element("span", { class: "share-confirmed" });
    going.style.width = share(row.couldGo, row.filters);
    confirmed.style.width = share(row.confirmed, row.filters);
    return rc.element(
      "td",
      { class: "share-cell" },
      rc.element("span", { class: "share", role: "img", "aria-label": words, title: words }, going, confirmed),
      rc.element("span", { class: "share-text" }, `${Math.round((100 * row.couldGo) / Math.max(1, row.filters))} %`),
    );
  }

  function total(layers) {
    const sum = (of) => layers.reduce((so_far, layer) => so_far + of(layer), 0);
    const clusters = { length: sum((layer) => layer.clusters.length) };
    const row = { name: "All layers", clusters };
    for (const name of ["filters", "dead", "constant", "pairs90", "pairs95", "couldGo", "confirmed"]) row[name] = sum((layer) => layer[name]);
    return row;
  }

  const cells = (row, head) =>
    COLUMNS.map(([, name, show], i) => {
      if (!i) return rc.element("th", { scope: "row", title: row.name }, row.name);
      return rc.element("td", { class: head && row[name] === 0 ? "nought" : "" }, row[name] === undefined ? "" : show(row[name]));
    });

  /** The table of a report's layers, for the page or for paper. */
  rc.layerTable = function (report) {
    const heads = COLUMNS.map(([name, , , tip]) => rc.element("th", { scope: "col", title: tip }, name));
    const body = rc.element("tbody", {});
    for (const layer of report.layers) body.append(rc.element("tr", { "data-key": layer.name }, ...cells(layer, true), bar(layer)));
    const all = total(report.layers);
    return rc.element(
      "table",
      { class: "figures layers-table" },
      rc.element("thead", {}, rc.element("tr", {}, ...heads, rc.element("th", { scope: "col", class: "share-head", title: "Share of the layer's filters that could go; green: confirmed" }, "Share"))),
      body,
      rc.element("tfoot", {}, rc.element("tr", {}, ...cells(all, false), bar(all))),
    );
  };

  /** The open layer, or null. */
  rc.openLayer = function () {
    const { report } = rc.page;
    return (report && report.layers.find((layer) => layer.name === rc.view.layer)) || null;
  };

  /** Bring the table in line with report and view. */
  rc.drawLayers = function () {
    const { report } = rc.page;
    const place = rc.byId("redundancy-layers");
    if (report !== drawn) {
      drawn = report;
      if (!report) {
        place.replaceChildren();
        return;
      }
      const hadFocus = place.contains(document.activeElement);
      const table = rc.layerTable(report);
      const body = table.tBodies[0];
      rc.walkRows(body, (name) => rc.setView({ layer: name === rc.view.layer ? null : name, cluster: null }));
      place.replaceChildren(table);
      rc.markRows(body, rc.view.layer);
      if (hadFocus) body.querySelector("[tabindex='0']").focus();
    }
    if (report) rc.markRows(place.querySelector("tbody"), rc.view.layer);
  };
})();
