/* The grid while it shows deviations: its colours and legend, and each layer's strangeness in the
   place of its number of filters. */
import { diverging, legend } from "../base/colours.mjs";
import { span } from "../base/dom.mjs";
import { count, plural, signed } from "../base/format.mjs";
import { CODES_A_DEVIATION, NOT_FINITE, NOUGHT } from "../generated/rules.mjs";
import { deviating, deviations, ofImage } from "./deviations.mjs";
import { grid } from "./grid.mjs";
import { levelOf, ranked, strangenessText, wordsOf } from "./oddness.mjs";
import { classOf, layers, namesClasses, shown, whole } from "./shown.mjs";
import { view } from "./view.mjs";
import { differences, ofImage as withoutFilters } from "./what-if.mjs";

/** @import { At } from "../base/grid.mjs" */

const ENDS = 4;

/** From a deviation's code to a colour code. */
export const DEVIATION_SCALE = Uint8Array.from({ length: NOT_FINITE + 1 }, (_, code) => {
  if (code === NOT_FINITE) return NOT_FINITE;
  const share = (code - NOUGHT) / (CODES_A_DEVIATION * ENDS);
  return Math.round(NOUGHT * (1 + Math.max(-1, Math.min(1, share))));
});

/** A filter's deviation in words; null while it is not known. @param {At} at */
export function deviationWords({ layer, filter }) {
  const codes = deviating() ? ofImage()?.codes : null;
  if (!codes) return null;
  const code = codes[layers()[layer].offset + filter];
  return code === NOT_FINITE ? null : signed((code - NOUGHT) / CODES_A_DEVIATION);
}

/** Codes of the deviations to paint: the former image's until this one's are here, so nothing
    flickers. While there are none of this run the grid keeps the colours of GAP. */
export function painted() {
  const known = deviating() ? deviations.image : null;
  return known && known.uuid === shown.run?.uuid ? known.codes : null;
}

/** What the colours are of. */
let colouredBy = "gap";

/** Colour the grid by what the mode says; `afresh` when the colours themselves changed. */
export function paintGrid(afresh = false) {
  if (!shown.image || !grid.canvas) return;
  const moved = differences();
  const codes = moved ?? painted();
  const by = moved ? "what-if" : codes ? "deviation" : "gap";
  const other = by !== colouredBy;
  colouredBy = by;
  if (afresh || other) {
    grid.codes = codes ?? shown.image.codes;
    grid.repaint();
  } else {
    grid.paint(codes ?? shown.image.codes);
  }
  grid.canvas.classList.toggle("behind", codes !== null && !(moved ? withoutFilters() : ofImage()));
  drawOdds();
}

function against() {
  const known = ofImage()?.found;
  const n = known ? ` (n = ${count(known.images)})` : "";
  if (view.now.against === "run" || !namesClasses()) return `all images${n}`;
  const given = classOf(whole()?.image.prediction ?? -1);
  return known && known.against === null ? `all: too few are ${given}${n}` : `predicted ${given}${n}`;
}

/** @param {HTMLElement} place */
export function drawDeviationLegend(place) {
  const whose = against();
  const extra = shown.image?.finite ? null : "NaN or infinite";
  legend(place, `Deviation, ${whose}`, [`−${ENDS}`, `+${ENDS}`], diverging().gradient, extra);
  place.title = `−${ENDS} … 0 … +${ENDS} normal scores, against ${whose}`;
}

/** What stands in a layer's name: the place of its strangeness, and what the name said before. @type {{ node: HTMLElement, title: string, label: string }[]} */
let places = [];

/** Put a place for its strangeness into each layer's name. */
export function attachOdds() {
  places = grid.blocks.map(({ label }) => {
    const node = span("block-odd");
    label.append(" ", node);
    return { node, title: label.title, label: label.getAttribute("aria-label") ?? "" };
  });
}

function drawOdds() {
  const known = deviating() ? (ofImage()?.found?.layers ?? null) : null;
  // While an image's strangeness is on its way, that of the former stands, like its colours.
  if (!known && deviating() && deviations.image?.uuid === shown.run?.uuid && deviations.image?.found) return;
  const first = known ? ranked(known)[0].index : -1;
  places.forEach(({ node, title, label }, index) => {
    const layer = known?.[index];
    const words = layer && wordsOf(layer);
    const level = layer ? levelOf(layer) : 0;
    node.textContent = layer ? strangenessText(layer) : "–";
    node.dataset.level = String(level);
    node.classList.toggle("first", index === first && level > 0);
    const { label: name, layer: own } = grid.blocks[index];
    name.title = words ? `${words}. ${title}` : title;
    // What is written there is said as it is written: who speaks to the page names it by that.
    const said =
      layer &&
      `Clusters of ${own.name} ${strangenessText(layer)}: ${plural(own.filters, "filter")}, ${words}`;
    name.setAttribute("aria-label", said || label);
  });
}
