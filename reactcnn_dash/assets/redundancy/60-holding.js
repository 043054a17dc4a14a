/* Does it hold? Agreement of a layer's clusters with themselves, against the number of images. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const PAD = { left: 34, right: 12, top: 8, bottom: 20 };
  const WIDTH = 300;
  const HEIGHT = 128;
  const SETTLE_MS = 400;
  const known = new Map();
  let wanted = "";

  const keyOf = (report, layer) => JSON.stringify([report.run.uuid, report.threshold, report.images, layer.name]);

  /** What is known of a layer, or undefined. */
  rc.holdingOf = (report, layer) => known.get(keyOf(report, layer));

  function text(x, y, words, anchor) {
    const node = rc.svg("text", { class: "chart-tick", x, y, "text-anchor": anchor });
    node.textContent = words;
    return node;
  }

  /** The curve with its band: images on a scale of powers of two, ARI from 0 to 1. */
  rc.holdingCurve = function (holding) {
    const { curve, target } = holding;
    const low = Math.min(0, ...curve.map((point) => point.low));
    const sizes = curve.map((point) => Math.log2(point.images));
    const [first, last] = [sizes[0], Math.max(sizes[sizes.length - 1], sizes[0] + 1)];
    const x = (images) => PAD.left + ((Math.log2(images) - first) / (last - first)) * (WIDTH - PAD.left - PAD.right);
    const y = (value) => PAD.top + ((1 - value) / (1 - low)) * (HEIGHT - PAD.top - PAD.bottom);
    const at = (point, name) => `${x(point.images).toFixed(1)},${y(point[name]).toFixed(1)}`;
    const words = curve.map((point) => `${rc.count(point.images)} images: ${point.agreement.toFixed(2)}`).join("; ");
    const picture = rc.svg("svg", { class: "holding-curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img", "aria-label": `Agreement (ARI) of two samples. ${words}` });
    for (const value of [0, 0.5, 1]) {
      picture.append(rc.svg("line", { class: "chart-rule", x1: PAD.left, x2: WIDTH - PAD.right, y1: y(value), y2: y(value) }), text(PAD.left - 5, y(value) + 3.5, String(value), "end"));
    }
    picture.append(rc.svg("line", { class: "chart-target", x1: PAD.left, x2: WIDTH - PAD.right, y1: y(target), y2: y(target) }), text(PAD.left - 5, y(target) + 3.5, String(target), "end"));
    curve.forEach((point, i) => {
      // The last but one gives way where both would touch.
      const crowded = i === curve.length - 2 && x(curve[i + 1].images) - x(point.images) < 30;
      if (!crowded) picture.append(text(x(point.images), HEIGHT - 6, rc.count(point.images), i === curve.length - 1 ? "end" : "middle"));
    });
    const band = [...curve.map((point) => at(point, "high")), ...curve.map((point) => at(point, "low")).reverse()];
    picture.append(
      rc.svg("polygon", { class: "holding-band", points: band.join(" ") }),
      rc.svg("polyline", { class: "holding-line", points: curve.map((point) => at(point, "agreement")).join(" ") }),
      ...curve.map((point) => rc.svg("circle", { class: "holding-point", cx: x(point.images), cy: y(point.agreement), r: 2.5 })),
    );
    picture.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect();
      const here = ((event.clientX - box.left) / box.width) * WIDTH;
      const near = curve.reduce((best, point) => (Math.abs(x(point.images) - here) < Math.abs(x(best.images) - here) ? point : best));
      rc.tip([`ARI ${near.agreement.toFixed(2)}`, `two samples of ${rc.count(near.images)} images: ${near.low.toFixed(2)} to ${near.high.toFixed(2)}`], { x: event.clientX, y: event.clientY });
    });
    picture.addEventListener("pointerleave", () => rc.tip(null, null));
    return picture;
  };

  rc.bootstrapText = function ({ bootstrap, images }) {
    if (!bootstrap.length) return "";
    const mean = bootstrap.reduce((sum, value) => sum + value, 0) / bootstrap.length;
    return `Bootstrap: ARI ${mean.toFixed(2)} on average (${Math.min(...bootstrap).toFixed(2)} to ${Math.max(...bootstrap).toFixed(2)}) over ${bootstrap.length} samples of ${rc.count(images)} images.`;
  };

  function show(holding, layer) {
    const settled = holding.enough !== null && holding.enough <= holding.stored;
    rc.byId("redundancy-holding").replaceChildren(
      holding.curve.length ? rc.holdingCurve(holding) : "",
      rc.element(
        "div",
        { class: "holding-words" },
        rc.element("h3", {}, `Does it hold? ${layer.name}`),
        rc.element("p", { class: `holding-verdict ${settled ? "enough" : "more"}` }, holding.verdict),
        rc.element("p", { class: "small" }, rc.bootstrapText(holding)),
        rc.element("p", { class: "small" }, "Agreement of the clusters of two samples that share no image; the band is the range of three draws."),
      ),
    );
  }

  function running(waiting, layer) {
    const words = waiting.total ? `step ${waiting.done} of ${waiting.total}` : "reading the rows …";
    const work = rc.element("div", {});
    rc.showWork(work, waiting, `Clustering samples of the images: ${words}`, "Does it hold?");
    const title = rc.element("h3", {}, `Does it hold? ${layer.name}`);
    rc.byId("redundancy-holding").replaceChildren(rc.element("div", { class: "holding-words" }, title, work));
  }

  /** Bring this part in line with the open layer. */
  rc.drawHolding = async function () {
    const { report } = rc.page;
    const layer = rc.openLayer();
    const key = layer && !rc.page.stale() ? keyOf(report, layer) : "";
    rc.byId("redundancy-holding").hidden = !layer;
    if (key === wanted) return;
    wanted = key;
    if (!key) return;
    if (known.has(key)) {
      show(known.get(key), layer);
      return;
    }
    running({ done: 0, total: 0, behind: false }, layer);
    const still = () => key === wanted;
    // Who walks through the layers does not want each of them worked out.
    await rc.pause(SETTLE_MS);
    if (!still()) return;
    try {
      const values = { run: report.run.id, threshold: report.threshold, layer: layer.name };
      const said = await rc.askUntilDone("holds", values, still, (waiting) => running(waiting, layer));
      if (!said) return;
      known.set(key, said);
      show(said, layer);
      rc.drawPaper(true);
    } catch (error) {
      if (!still()) return;
      rc.byId("redundancy-holding").replaceChildren(rc.element("p", { class: "small" }, "Whether the clusters hold is not known."));
      rc.notice(error.message);
    }
  };
})();
