/* The head: how the two runs compare as a whole. */
import { byId, div, paragraph, span } from "../base/dom.mjs";
import { fewWords, isFew } from "../base/few.mjs";
import { count, figure, meanError, percent, signed } from "../base/format.mjs";
import { explained } from "../base/terms.mjs";
import * as ids from "../generated/ids.mjs";
import { nothingRight, UNNAMED } from "./epochs.mjs";

/** @import { Child } from "../base/dom.mjs" */
/** @import { Compared, LayerRow } from "../generated/compare.d.ts" */

/**
 * A share in A and in B; of two that are known, with their difference in percentage points.
 * @param {readonly [number | null, number | null]} values
 * @param {boolean} [difference]
 */
function shift([a, b], difference = false) {
  const parts = [span("value-a", percent(a)), span("arrow", "→"), span("value-b", percent(b))];
  if (a !== null && b !== null && difference) {
    const kind = a === b ? "" : b > a ? " better" : " worse";
    parts.push(span(`difference${kind}`, ` ${signed(100 * (b - a), 2)}`));
  }
  return parts;
}

/** @param {string} name @param {Child[]} value @param {string} more */
const card = (name, value, more) =>
  div("card", span("card-name", name), span("card-value", ...value), span("card-more", ...explained(more)));

/** @param {Compared} found */
function images(found) {
  const { a, b, leftOut } = found;
  const parts = [`A has ${count(a.images)}, B ${count(b.images)}`];
  if (isFew(found.images)) parts.push(fewWords(found.images));
  if (leftOut) parts.push(`${count(leftOut)} with damaged rows left out of the layers`);
  return parts.join(" · ");
}

/** @param {Compared} found */
function parting({ parting: { layer, filters }, rounding }) {
  if (layer === null) return rounding ? "no more than rounding may do" : "every filter answers alike";
  return `filter${filters.length > 1 ? "s" : ""} ${filters.join(", ")}`;
}

/** The layer of the lowest CKA; null where none is known. @param {readonly LayerRow[]} layers */
export const leastAlike = (layers) =>
  layers.reduce(
    (/** @type {LayerRow | null} */ least, layer) =>
      layer.cka !== null && (least === null || layer.cka < (least.cka ?? 1)) ? layer : least,
    null,
  );

/** @param {Compared} found @param {LayerRow | null} lowest */
function alike({ layers, unmatched, notFinite }, lowest) {
  const parts = lowest ? [`CKA ${figure(lowest.cka)}, of ${count(layers.length)} layers`] : [];
  if (notFinite.length) parts.push(`NaN or infinite: ${notFinite.join("; ")}`);
  if (unmatched.length) parts.push(`not in both: ${unmatched.join(", ")}`);
  return parts.join(" · ");
}

/** @param {Compared} found */
export const bothNameClasses = ({ a, b }) => a.answers === "classes" && b.answers === "classes";

/** How right both runs are: their accuracy, or of values their mean absolute error. @param {Compared} found */
function right(found) {
  const { accuracy, errors, labelled } = found;
  if (errors) {
    const [a, b] = errors;
    const off = meanError(Math.abs(b - a));
    const kind = a === b ? "" : b < a ? " better" : " worse";
    const parts = [
      span("value-a", meanError(a)),
      span("arrow", "→"),
      span("value-b", meanError(b)),
      span(`difference${kind}`, ` ${b >= a ? "+" : "−"}${off}`),
    ];
    return card("Mean absolute error", parts, `of ${count(labelled)} with a target`);
  }
  if (accuracy) {
    const every = bothNameClasses(found) ? "a label" : "labels, every one right";
    return card("Accuracy", shift(accuracy, true), `of ${count(labelled)} with ${every}`);
  }
  return card("Accuracy", ["–"], nothingRight(found.a.answers, found.b.answers));
}

/** Draw the cards of a comparison. @param {Compared | null} found */
export function drawHead(found) {
  const place = byId(ids.COMPARE_HEAD);
  place.hidden = !found;
  if (!found) return;
  const { changed, accuracy } = found;
  const named = bothNameClasses(found);
  const lowest = leastAlike(found.layers);
  const whither =
    accuracy && named
      ? `${count(changed.corrected)} corrected, ${count(changed.broken)} broken`
      : `${percent(changed.all / found.images, 1)} of the images`;
  place.replaceChildren(
    card("Images in common", [count(found.images)], images(found)),
    right(found),
    card(
      "Mean confidence",
      named ? shift(found.confidence, true) : ["–"],
      named ? "of the predicted class" : UNNAMED,
    ),
    card("Prediction changed", [named ? count(changed.all) : "–"], named ? whither : UNNAMED),
    card("Part first at", [found.parting.layer ?? "no layer"], parting(found)),
    card("Least alike", [lowest ? lowest.name : "–"], alike(found, lowest)),
    found.rounding ? paragraph("rounding", found.rounding) : "",
  );
}
