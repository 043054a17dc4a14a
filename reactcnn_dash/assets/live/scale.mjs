/* The colour scale, per layer or for the whole network, and its legend. */
import { bothWays, coloursOf, diverging, legend } from "../base/colours.mjs";
import { byId } from "../base/dom.mjs";
import { number } from "../base/format.mjs";
import { colourTable, endsOf, gapOf, goesBothWays, rangesOf, wholeRange } from "../base/scales.mjs";
import * as ids from "../generated/ids.mjs";
import { NOT_FINITE } from "../generated/rules.mjs";
import { DEVIATION_SCALE, drawDeviationLegend, painted } from "./deviation-grid.mjs";
import { whole } from "./shown.mjs";
import { view } from "./view.mjs";
import { differences } from "./what-if.mjs";
import { drawDifferenceLegend } from "./what-if-panel.mjs";

/** @import { At } from "../base/grid.mjs" */
/** @import { Range } from "../base/scales.mjs" */
/** @import { Shown } from "./shown.mjs" */

/** A difference's code is its colour's. */
const DIFFERENCE_SCALE = Uint8Array.from({ length: NOT_FINITE + 1 }, (_, code) => code);

/** Each layer's scale, and its table from stored code to colour code. @type {{ range: Range, table: Uint8Array }[]} */
let scales = [];

/**
 * Compute the scale of each layer.
 * @param {Shown} image
 * @returns {boolean} whether a scale has other colours than before
 */
export function setScale(image) {
  const before = scales;
  const ranges = rangesOf(image);
  const network = view.now.scale === "network" ? wholeRange(ranges) : null;
  scales = ranges.map((own) => ({ range: network ?? own, table: colourTable(own, network ?? own) }));
  return scales.some(
    ({ range }, i) => before[i] !== undefined && goesBothWays(before[i].range) !== goesBothWays(range),
  );
}

/** @param {number} layer */
export const scaleOf = (layer) =>
  differences() ? DIFFERENCE_SCALE : painted() ? DEVIATION_SCALE : scales[layer].table;

/** The colours of a layer in the grid as it is: of GAP, of deviations, or of what moved. @param {number} layer */
export const gridColours = (layer) =>
  differences() || painted() ? diverging() : coloursOf(scales[layer].range);

/** A filter's GAP as its code tells it; null when it is not finite. @param {At} at */
export function gapFromCode({ layer, filter }) {
  const here = whole();
  if (!here) return null;
  const { image, model } = here;
  const code = image.codes[model.layers[layer].offset + filter];
  return code === NOT_FINITE ? null : gapOf(code, [image.low[layer], image.high[layer]]);
}

/** Draw the legend: of the whole network, or of the layer under the pointer. @param {number | null} layer */
export function drawLegend(layer) {
  const here = whole();
  if (!here) return;
  const { image, model } = here;
  const place = byId(ids.LEGEND);
  if (differences()) {
    place.removeAttribute("title");
    drawDifferenceLegend(place, layer);
    return;
  }
  if (painted()) {
    drawDeviationLegend(place);
    return;
  }
  place.removeAttribute("title");
  const amber = image.finite ? null : "NaN or infinite";
  const network = view.now.scale === "network";
  if (network || layer !== null) {
    const { range } = scales[layer ?? 0];
    const title = `GAP, ${network || layer === null ? "whole network" : model.layers[layer].name}`;
    if (goesBothWays(range)) place.title = `${title}: ${range.map(number).join(" … ")}; 0 is neutral`;
    legend(place, title, endsOf(range).map(number), coloursOf(range).gradient, amber);
    return;
  }
  const signed = scales.some(({ range }) => goesBothWays(range));
  const [title, ends] = ["GAP, each layer on its own scale", ["small", "large"]];
  if (!signed) legend(place, title, ends, coloursOf([0, 1]).gradient, amber);
  else legend(place, title, ["negative", "positive"], bothWays().gradient, amber);
}
