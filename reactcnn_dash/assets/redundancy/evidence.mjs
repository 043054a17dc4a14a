/* The feature maps of a cluster's filters side by side, on the images in which they vary most. */
import { element, paragraph, span, tableOf } from "../base/dom.mjs";
import { count, figure } from "../base/format.mjs";
import { filterPage, livePage } from "../base/links.mjs";
import { notice, reason } from "../base/notice.mjs";
import { drawMap, drawPixels, fetchLayer, fetchPixels, mapOf } from "../base/pixels.mjs";
import { openLayer } from "./layers.mjs";
import { order } from "./order.mjs";
import { page } from "./report.mjs";
import { view } from "./view.mjs";

/** @import { RedundantCluster, RedundancyPayload, ReportedLayer } from "../generated/redundancy.d.ts" */
/** @import { LayerData } from "../base/pixels.mjs" */

const KEPT = 12;
/** @type {Map<string, Promise<LayerData>>} */
const cache = new Map();

/**
 * One layer's data for one image.
 * @param {{ uuid: string }} run
 * @param {number} ordinal
 * @param {ReportedLayer} layer
 */
function layerOf({ uuid }, ordinal, { position, filters }) {
  const key = `${uuid}/${ordinal}/${position}`;
  const known = cache.get(key);
  if (known) return known;
  const found = fetchLayer(uuid, ordinal, position, filters);
  found.catch(() => cache.delete(key));
  for (const old of cache.keys()) {
    if (cache.size < KEPT) break;
    cache.delete(old);
  }
  cache.set(key, found);
  return found;
}

/**
 * @param {RedundancyPayload} report
 * @param {ReportedLayer} layer
 * @param {RedundantCluster} cluster
 * @param {number} filter
 */
function head(report, layer, { spatial, filters, keep }, filter) {
  const href = filterPage(report.run.id, layer.name, filter);
  return element(
    "th",
    { scope: "col" },
    element("a", { class: "evidence-filter", href, title: `Filter ${filter} on its page` }, String(filter)),
    span("evidence-r", filter === keep ? "keep" : figure(spatial[filters.indexOf(filter)], 2)),
  );
}

/** @param {RedundancyPayload} report @param {number} ordinal */
function imageCell({ run, shape }, ordinal) {
  const canvas = element("canvas", {
    class: "pixelated",
    width: 1,
    height: 1,
    role: "img",
    "aria-label": `Image ${ordinal}`,
  });
  fetchPixels(run, ordinal).then(
    (pixels) => drawPixels(canvas, pixels, shape),
    (error) => notice(reason(error)),
  );
  const href = livePage({ run: run.id, image: ordinal });
  return element(
    "th",
    { scope: "row" },
    element("a", { href, title: `Image ${ordinal} in the live page` }, canvas),
  );
}

/**
 * @param {RedundancyPayload} report
 * @param {ReportedLayer} layer
 * @param {readonly number[]} filters
 * @param {number} ordinal
 */
function imageRow(report, layer, filters, ordinal) {
  const canvases = filters.map((filter) =>
    element("canvas", {
      class: "evidence-map pixelated",
      width: 1,
      height: 1,
      role: "img",
      "data-filter": filter,
      "data-image": ordinal,
      "aria-label": `Feature map of ${layer.name} filter ${filter} on image ${ordinal}`,
    }),
  );
  layerOf(report.run, ordinal, layer).then(
    ({ maps }) => {
      if (!maps) return;
      canvases.forEach((canvas, i) => {
        drawMap(canvas, mapOf(maps, filters[i], layer));
        canvas.dataset.painted = "";
      });
    },
    (error) => notice(reason(error)),
  );
  return element(
    "tr",
    {},
    imageCell(report, ordinal),
    ...canvases.map((canvas) => element("td", {}, canvas)),
  );
}

/**
 * Draw the evidence of a cluster into a place.
 * @param {HTMLElement} place
 * @param {RedundancyPayload} report
 * @param {ReportedLayer} layer
 * @param {RedundantCluster} cluster
 */
export function drawEvidence(place, report, layer, cluster) {
  if (!cluster.examples.length) return;
  const filters = order(cluster);
  const left = cluster.filters.length - filters.length;
  const more = left ? ` ${count(left)} more filters, which agree better, are not shown.` : "";
  place.replaceChildren(
    tableOf(
      { class: "evidence-table", "aria-label": "Feature maps" },
      [
        element("th", { scope: "col" }, "filter", span("evidence-r", "spatial r")),
        ...filters.map((filter) => head(report, layer, cluster, filter)),
      ],
      cluster.examples.map((ordinal) => imageRow(report, layer, filters, ordinal)),
    ),
    paragraph(
      "small",
      `Feature maps on the images in which filter ${cluster.keep} varies most; each on its own scale, from light to deep, or to both sides of 0 where the layer goes below it.${more}`,
    ),
  );
}

/** Paint again in the other scheme's colours. */
export function repaintEvidence() {
  const place = document.querySelector(".evidence");
  const layer = openLayer();
  const cluster = layer?.clusters.find((one) => one.label === view.now.cluster);
  if (place instanceof HTMLElement && page.report && layer && cluster) {
    drawEvidence(place, page.report, layer, cluster);
  }
}
