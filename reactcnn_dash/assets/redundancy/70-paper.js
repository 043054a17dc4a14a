/* The report on paper: every layer with its clusters, without controls. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  let drawn = null;

  function clusters(layer) {
    const head = rc.element("tr", {}, ...rc.clusterHeads(), rc.element("th", { scope: "col", class: "left" }, "All its filters"));
    const rows = layer.clusters.map((cluster) => {
      const row = rc.clusterRow(cluster);
      row.append(rc.element("td", { class: "left paper-filters" }, cluster.filters.join(", ")));
      return row;
    });
    return rc.element("table", { class: "figures paper-clusters" }, rc.element("thead", {}, head), rc.element("tbody", {}, ...rows));
  }

  function section(report, layer) {
    const holding = rc.holdingOf(report, layer);
    const facts = `${rc.count(layer.couldGo)} of ${rc.count(layer.filters)} filters could go, ${rc.count(layer.confirmed)} confirmed${layer.constant ? `; ${rc.count(layer.constant)} without variation` : ""}; effective rank ${layer.rank.toFixed(1)}.`;
    return rc.element(
      "section",
      { class: "paper-layer" },
      rc.element("h2", {}, layer.name),
      rc.element("p", {}, holding ? `${facts} ${holding.verdict}` : facts),
      ...(layer.clusters.length ? [clusters(layer)] : []),
    );
  }

  /** Bring the paper in line with the report; `again` when more is known of the same one. */
  rc.drawPaper = function (again) {
    const { report } = rc.page;
    if (report === drawn && !again) return;
    drawn = report;
    const place = rc.byId("redundancy-paper");
    if (!report) {
      place.replaceChildren();
      return;
    }
    const { run } = report;
    place.replaceChildren(
      rc.element("h1", {}, `Redundant filters of ${run.model}`),
      rc.element("p", { class: "paper-run" }, `Run ${run.id}, ${run.name}; checkpoint ${run.checkpoint}; images: ${run.source}.`),
      rc.element("p", { class: "paper-summary" }, report.summary),
      rc.element("p", {}, `${rc.page.basis(report)} (Leiden, constant Potts model). Intervals: Fisher, 95 %. A cluster is confirmed when the feature maps of its filters correlate with those of the one to keep by τ or more, place by place.`),
      rc.layerTable(report),
      ...report.layers.map((layer) => section(report, layer)),
    );
  };
})();
