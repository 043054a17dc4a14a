/* The colour scale, per layer or for the whole network, and its legend. */
import { colours, diverging, legend } from "../base/colours.mjs";
import { byId } from "../base/dom.mjs";
import { number } from "../base/format.mjs";
import * as ids from "../generated/ids.mjs";
import { NOT_FINITE } from "../generated/rules.mjs";
import { DEVIATION_SCALE, drawDeviationLegend, painted } from "./deviation-grid.mjs";
import { colourTable, gapOf, networkRange } from "./gap-scale.mjs";
import { whole } from "./shown.mjs";
import { view } from "./view.mjs";
import { differences } from "./what-if.mjs";
import { drawDifferenceLegend } from "./what-if-panel.mjs";

/** @import { At } from "../base/grid.mjs" */
/** @import { Shown } from "./shown.mjs" */
/** @import { Range } from "./gap-scale.mjs" */

/** A difference's code is its colour's. */
const DIFFERENCE_SCALE = Uint8Array.from({ length: NOT_FINITE + 1 }, (_, code) => code);

/** @type {Uint8Array[]} */
let tables = [];

/** Compute each layer's table from stored code to colour code. @param {Shown} image */
export function setScale(image) {
  const network = view.now.scale === "network" ? networkRange(image) : null;
  tables = image.low.map((low, i) => {
    /** @type {Range} */
    const own = [low, image.high[i]];
    return colourTable(own, network ?? own);
  });
}

/** @param {number} layer */
export const scaleOf = (layer) =>
  differences() ? DIFFERENCE_SCALE : painted() ? DEVIATION_SCALE : tables[layer];

/** The colours of the grid as it is: of GAP, of deviations, or of what moved. */
export const gridColours = () => (differences() || painted() ? diverging() : colours());

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
  let ends = ["small", "large"];
  let title = "GAP, each layer on its own scale";
  if (view.now.scale === "network") {
    ends = networkRange(image).map(number);
    title = "GAP, whole network";
  } else if (layer !== null) {
    ends = [image.low[layer], image.high[layer]].map(number);
    title = `GAP, ${model.layers[layer].name}`;
  }
  legend(place, title, ends, colours().gradient, image.finite ? null : "NaN or infinite");
}
