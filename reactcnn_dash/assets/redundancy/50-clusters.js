/* The open layer: its clusters, each with its evidence. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  let drawn = "";

  const plural = (n, what) => `${rc.count(n)} ${what}${n === 1 ? "" : "s"}`;

  rc.badge = (verdict) => rc.element("span", { class: `badge badge-${verdict}` }, verdict);

  /** What the maps say of a cluster, in a word or two. */
  rc.spatialText = function (cluster) {
    if (cluster.spatialR !== null) return rc.r(cluster.spatialR);
    return rc.page.report.mapImages ? `${plural(cluster.mapImages, "image")} only` : "no maps";
  };

  function hint() {
    return [
      rc.element("h2", {}, "Which filters repeat each other?"),
      rc.element("p", { class: "small" }, "Choose a layer: its clusters stand here, the tightest first, each with what speaks for it and against it."),
      rc.element(
        "p",
        { class: "small" },
        "A ",
        rc.badge("candidate"),
        " is alike by GAP values only. It is ",
        rc.badge("confirmed"),
        " when the feature maps agree too, place by place.",
      ),
    ];
  }

  function liveLink(layer, cluster) {
    const { report } = rc.page;
    const href = rc.livePage({
      run: report.run.id,
      layer: layer.name,
      method: report.method,
      parameter: report.threshold,
      cluster: cluster.label,
    });
    return rc.element("a", { class: "text-button link-button", href }, "Show in the live page");
  }

  function copyButton(layer, cluster) {
    const text = cluster.filters.map((filter) => `${layer.name}:${filter}`).join("\n");
    const words = `Copy ${plural(cluster.filters.length, "address").replace("addresss", "addresses")}`;
    const button = rc.element("button", { class: "text-button", type: "button" }, words);
    button.addEventListener("click", () =>
      rc.copy(text).then(
        () => (button.textContent = "Copied"),
        () => rc.notice("The browser does not let this page copy. The JSON has the addresses, too."),
      ),
    );
    return button;
  }

  /** Why the verdict is what it is. */
  function reason(cluster) {
    const { threshold, mapImages } = rc.page.report;
    if (cluster.verdict === "confirmed") return `Confirmed: every filter's maps correlate with those of the one to keep by ${rc.r(cluster.spatialR)} or more.`;
    if (!mapImages) return "A candidate: no feature maps are stored. Collect with --feature-maps all to look at them.";
    if (cluster.spatialR === null) return `A candidate: a filter's maps vary in ${plural(cluster.mapImages, "image")} only; 30 are needed.`;
    return `A candidate: GAP values agree, but a filter's maps correlate by only ${rc.r(cluster.spatialR)} with those of the one to keep (τ = ${threshold}).`;
  }

  function detail(layer, cluster) {
    const pictures = rc.element("div", { class: "evidence" });
    const row = rc.element(
      "tr",
      { class: "cluster-detail" },
      rc.element(
        "td",
        { colspan: 7 },
        rc.element("p", { class: "detail-reason" }, reason(cluster)),
        rc.element(
          "p",
          { class: "small" },
          `Mean r 95 % interval ${rc.interval(cluster.mean95)}, lowest r ${rc.interval(cluster.lowest95)} (Fisher, ${rc.count(rc.page.report.images)} images).`,
        ),
        rc.element("p", { class: "small detail-filters" }, `Filters ${cluster.filters.join(", ")}; ${cluster.keep} would stay.`),
        rc.element("div", { class: "detail-tools" }, copyButton(layer, cluster), liveLink(layer, cluster)),
        pictures,
      ),
    );
    rc.drawEvidence(pictures, layer, cluster);
    return row;
  }

  /** A cluster's row; on paper with its filters. */
  rc.clusterRow = function (cluster) {
    const swatch = rc.element("span", { class: "swatch" });
    swatch.style.background = cluster.colour;
    return rc.element(
      "tr",
      { "data-key": cluster.label },
      rc.element("th", { scope: "row" }, rc.element("span", { class: "cluster-name" }, swatch, String(cluster.label))),
      rc.element("td", { class: "left" }, rc.badge(cluster.verdict)),
      rc.element("td", {}, rc.count(cluster.filters.length)),
      rc.element("td", {}, rc.r(cluster.mean), rc.element("span", { class: "interval" }, ` ${rc.interval(cluster.mean95)}`)),
      rc.element("td", {}, rc.r(cluster.lowest)),
      rc.element(
        "td",
        { title: cluster.spatialR === null ? "" : `Lowest of the filters, over ${plural(cluster.mapImages, "image")}` },
        rc.spatialText(cluster),
      ),
      rc.element("td", {}, String(cluster.keep)),
    );
  };

  rc.clusterHeads = () =>
    [
      ["Cluster", "Its number, as on the live page"],
      ["Verdict", "Confirmed when the feature maps agree too"],
      ["Filters", "How many filters it has"],
      ["Mean r, 95 % interval", "Mean correlation of the GAP values inside, with Fisher's interval"],
      ["Lowest r", "Lowest correlation of GAP values inside"],
      ["Spatial r", "Lowest correlation, place by place, of a filter's feature maps with those of the one to keep"],
      ["Keep", "The filter that stands for it best"],
    ].map(([name, tip], i) => rc.element("th", { scope: "col", title: tip, class: i === 1 ? "left" : "" }, name));

  function table(layer) {
    const body = rc.element("tbody", {}, ...layer.clusters.map(rc.clusterRow));
    rc.walkRows(body, (key) => rc.setView({ cluster: Number(key) === rc.view.cluster ? null : Number(key) }));
    return rc.element("table", { class: "figures clusters-table" }, rc.element("thead", {}, rc.element("tr", {}, ...rc.clusterHeads())), body);
  }

  function openLayerParts(layer) {
    const doubles = layer.clusters.reduce((sum, cluster) => sum + cluster.filters.length, 0);
    const text = layer.clusters.length
      ? `${plural(layer.clusters.length, "cluster")} of ${plural(doubles, "filter")}`
      : "no filters that repeat each other";
    const close = rc.element(
      "button",
      { class: "tool", type: "button", title: "Close the layer (Escape)", "aria-label": "Close the layer", onclick: () => rc.setView({ layer: null, cluster: null }) },
      rc.element("span", { class: "icon icon-close", "aria-hidden": "true" }),
    );
    return [
      rc.element("div", { class: "layer-head" }, rc.element("h2", {}, `${layer.name}: ${text} at τ = ${rc.page.report.threshold}`), close),
      ...(layer.clusters.length ? [table(layer)] : []),
    ];
  }

  function markCluster(place, layer) {
    const body = place.querySelector(".clusters-table tbody");
    if (!body) return;
    const key = rc.view.cluster === null ? null : String(rc.view.cluster);
    rc.markRows(body, key);
    const open = body.querySelector(".cluster-detail");
    const row = [...body.children].find((one) => one.dataset.key === key);
    if (open && open.previousElementSibling === row) return;
    if (open) open.remove();
    const cluster = layer.clusters.find((one) => one.label === rc.view.cluster);
    if (!row || !cluster) return;
    row.after(detail(layer, cluster));
    row.scrollIntoView({ block: "nearest" });
  }

  /** Bring the open layer in line with report and view. */
  rc.drawLayer = function () {
    const place = rc.byId("redundancy-layer");
    const layer = rc.openLayer();
    const { report } = rc.page;
    const key = layer ? JSON.stringify([report.run.uuid, report.threshold, report.images, layer.name]) : report ? "hint" : "";
    if (key !== drawn) {
      drawn = key;
      place.replaceChildren(...(layer ? openLayerParts(layer) : report ? hint() : []));
      place.scrollTop = 0;
    }
    if (layer) markCluster(place, layer);
  };
})();
