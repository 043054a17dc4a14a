/* Does it hold? Agreement of a layer's clusters with themselves, against the number of images. */
import { askUntilDone, NOT_BEGUN, pause } from "../base/asker.mjs";
import { axes, bandPath, labels, linePath, rules } from "../base/chart.mjs";
import { byId, div, element, paragraph, svg } from "../base/dom.mjs";
import { count } from "../base/format.mjs";
import { notice, reason } from "../base/notice.mjs";
import { showWork } from "../base/rows.mjs";
import { explained } from "../base/terms.mjs";
import { tellAt } from "../base/tip.mjs";
import * as ids from "../generated/ids.mjs";
import { openLayer } from "./layers.mjs";
import { drawPaper } from "./paper.mjs";
import { current } from "./report.mjs";

/** @import { RedundancyPayload, ReportedLayer, Stability } from "../generated/redundancy.d.ts" */
/** @import { Running } from "../generated/shared.d.ts" */

const ROOM = { width: 300, height: 128, pad: { left: 34, right: 12, top: 8, bottom: 20 } };
const LABEL = 30;
const SETTLE_MS = 400;
/** @type {Map<string, Stability>} */
const known = new Map();
let wanted = "";

/** @param {RedundancyPayload} report @param {ReportedLayer} layer */
const keyOf = (report, layer) =>
  JSON.stringify([report.run.uuid, report.threshold, report.images, layer.name]);

/** What is known of a layer, or undefined. @param {RedundancyPayload} report @param {ReportedLayer} layer */
export const stabilityOf = (report, layer) => known.get(keyOf(report, layer));

/** The curve with its band: images on a scale of powers of two, ARI from 0 to 1. @param {Stability} stability */
function drawCurve({ curve, target }) {
  const low = Math.min(0, ...curve.map((point) => point.low));
  const sizes = curve.map((point) => Math.log2(point.images));
  const first = sizes[0];
  const { x, y } = axes(ROOM, [first, Math.max(sizes[sizes.length - 1], first + 1)], [low, 1]);
  const xs = sizes.map(x);
  const ys = (/** @type {"low" | "high" | "agreement"} */ name) => curve.map((point) => y(point[name]));
  const words = curve
    .map((point) => `${count(point.images)} images: ${point.agreement.toFixed(2)}`)
    .join("; ");
  const { width, height } = ROOM;
  const picture = svg(
    "svg",
    {
      class: "stability-curve",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
      "aria-label": `Agreement (ARI) of two samples. ${words}`,
    },
    ...rules(ROOM, [0, 0.5, 1], y, String),
    ...rules(ROOM, [target], y, String, "chart-target"),
    ...labels(xs, height - 6, LABEL, (i) => count(curve[i].images)),
    svg("path", { class: "stability-band", d: bandPath(xs, ys("high"), ys("low")) }),
    svg("path", { class: "stability-line", d: linePath(xs, ys("agreement")) }),
    ...curve.map((point, i) =>
      svg("circle", { class: "stability-point", cx: xs[i], cy: y(point.agreement), r: 2.5 }),
    ),
  );
  tellAt(picture, (event) => {
    const box = picture.getBoundingClientRect();
    const here = ((event.clientX - box.left) / box.width) * width;
    const away = xs.map((one) => Math.abs(one - here));
    const near = curve[away.indexOf(Math.min(...away))];
    return [
      `ARI ${near.agreement.toFixed(2)}`,
      `two samples of ${count(near.images)} images: ${near.low.toFixed(2)} to ${near.high.toFixed(2)}`,
    ];
  });
  return picture;
}

/** @param {Stability} stability */
function bootstrapText({ bootstrap, images }) {
  if (!bootstrap.length) return "";
  const mean = bootstrap.reduce((sum, value) => sum + value, 0) / bootstrap.length;
  const [low, high] = [Math.min(...bootstrap).toFixed(2), Math.max(...bootstrap).toFixed(2)];
  return `Bootstrap: ARI ${mean.toFixed(2)} on average (${low} to ${high}) over ${bootstrap.length} samples of ${count(images)} images.`;
}

/** @param {ReportedLayer} layer */
const title = (layer) => element("h3", { "aria-level": 2 }, `Does it hold? ${layer.name}`);

/** @param {Stability} stability @param {ReportedLayer} layer */
function show(stability, layer) {
  const { enough, stored, curve, verdict } = stability;
  const settled = enough !== null && enough <= stored;
  // Clusters that do not hold are no verdict either.
  byId(ids.REDUNDANCY_LAYER).classList.toggle("few-images", !settled);
  byId(ids.REDUNDANCY_STABILITY).replaceChildren(
    curve.length ? drawCurve(stability) : "",
    div(
      "stability-words",
      title(layer),
      paragraph(`stability-verdict ${settled ? "enough" : "more"}`, verdict),
      paragraph("small", ...explained(bootstrapText(stability))),
      paragraph(
        "small",
        "Agreement of the clusters of two samples that share no image; the band is the range of three draws.",
      ),
    ),
  );
}

/** @param {Running} waiting @param {ReportedLayer} layer */
function running(waiting, layer) {
  byId(ids.REDUNDANCY_LAYER).classList.remove("few-images");
  const words = waiting.total ? `step ${waiting.done} of ${waiting.total}` : "reading the rows …";
  const work = element("div", {});
  showWork(work, waiting, `Clustering samples of the images: ${words}`, "Does it hold?");
  byId(ids.REDUNDANCY_STABILITY).replaceChildren(div("stability-words", title(layer), work));
}

/** Bring this part in line with the open layer. */
export async function drawStability() {
  const report = current();
  const layer = openLayer();
  const key = report && layer ? keyOf(report, layer) : "";
  byId(ids.REDUNDANCY_STABILITY).hidden = !layer;
  if (key === wanted) return;
  wanted = key;
  if (!report || !layer) return;
  const before = known.get(key);
  if (before) {
    show(before, layer);
    return;
  }
  running(NOT_BEGUN, layer);
  const still = () => key === wanted;
  // Who walks through the layers does not want each of them worked out.
  await pause(SETTLE_MS);
  if (!still()) return;
  try {
    const values = { run: report.run.id, threshold: report.threshold, layer: layer.name };
    /** @type {Stability | null} */
    const said = await askUntilDone("/redundancies/stability", values, still, (waiting) =>
      running(waiting, layer),
    );
    if (!said) return;
    known.set(key, said);
    show(said, layer);
    drawPaper(true);
  } catch (error) {
    if (!still()) return;
    byId(ids.REDUNDANCY_STABILITY).replaceChildren(
      paragraph("small", "Whether the clusters hold is not known."),
    );
    notice(reason(error));
  }
}
