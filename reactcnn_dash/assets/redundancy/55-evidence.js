/* The feature maps of a cluster's filters side by side, on the images in which they vary most. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const MOST = 24;
  const KEPT = 12;
  const cache = new Map();

  /** One layer's maps for one image, or null when they are not kept; rejects with the reason. */
  function fetchMaps(run, ordinal, layer) {
    const key = `${run.uuid}/${ordinal}/${layer.position}`;
    if (!cache.has(key)) {
      const found = fetch(`/runs/${run.uuid}/images/${ordinal}/layers/${layer.position}`).then(async (answer) => {
        if (!answer.ok) throw new Error(await answer.text());
        const buffer = await answer.arrayBuffer();
        const n = layer.filters;
        if (buffer.byteLength === 4 * n) return null;
        return { step: new Float32Array(buffer, 8 * n, n), codes: new Uint8Array(buffer, 12 * n) };
      });
      found.catch(() => cache.delete(key));
      if (cache.size >= KEPT) cache.delete(cache.keys().next().value);
      cache.set(key, found);
    }
    return cache.get(key);
  }

  function paint(canvas, codes, { height, width }) {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    const data = context.createImageData(width, height);
    const { bytes } = rc.colours();
    for (let i = 0; i < codes.length; i++) {
      const at = 3 * Math.min(codes[i], 254);
      data.data.set([bytes[at], bytes[at + 1], bytes[at + 2], 255], 4 * i);
    }
    context.putImageData(data, 0, 0);
  }

  /** The filter to keep first, then those that agree with it least: they decide. */
  function order(cluster) {
    const spatial = new Map(cluster.filters.map((filter, i) => [filter, cluster.spatial[i] ?? -2]));
    const others = cluster.filters.filter((filter) => filter !== cluster.keep);
    others.sort((one, other) => spatial.get(one) - spatial.get(other));
    return [cluster.keep, ...others].slice(0, MOST);
  }

  function head(layer, cluster, filter) {
    const value = cluster.spatial[cluster.filters.indexOf(filter)];
    const href = rc.filterPage(rc.page.report.run.id, layer.name, filter);
    const link = rc.element("a", { class: "evidence-filter", href, title: `Filter ${filter} on its page` }, String(filter));
    const text = filter === cluster.keep ? "keep" : rc.r(value ?? null);
    return rc.element("th", { scope: "col" }, link, rc.element("span", { class: "evidence-r" }, text));
  }

  function imageCell(run, shape, ordinal) {
    const canvas = rc.element("canvas", { class: "pixelated", width: 1, height: 1, role: "img", "aria-label": `Image ${ordinal}` });
    rc.fetchPixels(run, ordinal).then(
      (pixels) => rc.drawPixels(canvas, pixels, shape),
      (error) => rc.notice(error.message),
    );
    const link = rc.element("a", { href: rc.livePage({ run: run.id, image: ordinal }), title: `Image ${ordinal} in the live page` }, canvas);
    return rc.element("th", { scope: "row" }, link);
  }

  /** Draw the evidence of a cluster into a place. */
  rc.drawEvidence = function (place, layer, cluster) {
    const { run, shape } = rc.page.report;
    if (!cluster.examples.length) return;
    const filters = order(cluster);
    const left = cluster.filters.length - filters.length;
    const rows = cluster.examples.map((ordinal) => {
      const canvases = filters.map((filter) =>
        rc.element("canvas", { class: "evidence-map pixelated", width: 1, height: 1, role: "img", "data-filter": filter, "data-image": ordinal, "aria-label": `Feature map of ${layer.name} filter ${filter} on image ${ordinal}` }),
      );
      fetchMaps(run, ordinal, layer).then(
        (maps) => {
          if (!maps) return;
          const size = layer.height * layer.width;
          canvases.forEach((canvas, i) => {
            paint(canvas, maps.codes.subarray(filters[i] * size, (filters[i] + 1) * size), layer);
            canvas.dataset.painted = "";
          });
        },
        (error) => rc.notice(error.message),
      );
      return rc.element("tr", {}, imageCell(run, shape, ordinal), ...canvases.map((canvas) => rc.element("td", {}, canvas)));
    });
    place.replaceChildren(
      rc.element(
        "table",
        { class: "evidence-table", "aria-label": "Feature maps" },
        rc.element("thead", {}, rc.element("tr", {}, rc.element("th", { scope: "col" }, "filter", rc.element("span", { class: "evidence-r" }, "spatial r")), ...filters.map((filter) => head(layer, cluster, filter)))),
        rc.element("tbody", {}, ...rows),
      ),
      rc.element(
        "p",
        { class: "small" },
        `Feature maps on the images in which filter ${cluster.keep} varies most; each from light to deep on its own scale.${left ? ` ${rc.count(left)} more filters, which agree better, are not shown.` : ""}`,
      ),
    );
  };

  /** Paint again in the other scheme's colours. */
  rc.repaintEvidence = function () {
    const place = document.querySelector(".evidence");
    const layer = rc.openLayer();
    const cluster = layer && layer.clusters.find((one) => one.label === rc.view.cluster);
    if (place && cluster) rc.drawEvidence(place, layer, cluster);
  };
})();
