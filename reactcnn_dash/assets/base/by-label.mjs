/* Hits by label, where images may have several: of one run, or of two side by side. */
import { badge, drawByClass, head, searchLink, table } from "./by-class.mjs";
import { div, element, paragraph } from "./dom.mjs";
import { className, count, percent, plural, signed } from "./format.mjs";

/** @import { ByClass, OfLabel } from "../generated/shared.d.ts" */
/** @import { Side } from "./by-class.mjs" */

/** @param {Side} of */
function caption({ said, side }) {
  const { labelled, right, together } = said;
  const words =
    `${plural(labelled, "image")} with known labels, ${percent(right / labelled, 1)} with every label right; ` +
    `precision ${percent(together.precision, 1)}, recall ${percent(together.recall, 1)} over all labels`;
  return paragraph("by-label-all", badge(side), side ? " " : "", words);
}

/** A number that opens its images. @param {ByClass} said @param {string} search @param {number} n @param {string} more */
const opened = (said, search, n, more) =>
  element("td", {}, n ? searchLink(said, search, count(n), more) : "0");

/** @param {Side} of @param {OfLabel | undefined} figures */
function cellsOf({ said, side }, figures) {
  const rates = [figures?.precision, figures?.recall, figures?.f1];
  const shares = rates.map((rate) => element("td", {}, percent(rate ?? null, 1)));
  if (side !== null || !figures) return shares;
  const { label, hits, extra, missed } = figures;
  const name = className(said.names, label);
  return [
    opened(said, `label-${label}`, hits + missed, `${name} is right`),
    opened(said, `predicted-${label}`, hits + extra, `${name} was given`),
    opened(said, `label-${label}.predicted-${label}`, hits, `${name} is right, and was given`),
    opened(said, `missed-${label}`, missed, `${name} is right, and was not given`),
    opened(said, `extra-${label}`, extra, `${name} is not right, and was given`),
    ...shares,
  ];
}

/** @param {readonly Side[]} sides that name the same labels */
function rows(sides) {
  const by = sides.map(({ said }) => new Map(said.labels.map((one) => [one.label, one])));
  const f1Of = (/** @type {number} */ side, /** @type {number} */ label) => by[side]?.get(label)?.f1 ?? null;
  const change = (/** @type {number} */ label) => {
    const [a, b] = [f1Of(0, label), f1Of(1, label)];
    return a === null || b === null ? null : b - a;
  };
  const place = (/** @type {number} */ label) =>
    (sides.length === 2 ? change(label) : f1Of(0, label)) ?? Number.POSITIVE_INFINITY;
  const labels = [...new Set(by.flatMap((one) => [...one.keys()]))];
  labels.sort((i, j) => (place(i) === place(j) ? i - j : place(i) - place(j)));
  return labels.map((label) => {
    const points = change(label);
    const more = sides.length === 2 ? [element("td", {}, points === null ? "–" : signed(100 * points))] : [];
    const cells = sides.flatMap((one, i) => cellsOf(one, by[i].get(label)));
    return element("tr", {}, head(className(sides[0].said.names, label), "row"), ...cells, ...more);
  });
}

/** @param {readonly Side[]} sides */
function heads(sides) {
  if (sides.length === 1 && sides[0].side === null) {
    return ["label", "right", "given", "hits", "missed", "false", "precision", "recall", "F1"];
  }
  const named = sides.flatMap(({ side }) =>
    ["precision", "recall", "F1"].map((one) => `${one} ${side?.toUpperCase()}`),
  );
  return ["label", ...named, ...(sides.length === 2 ? ["change"] : [])];
}

/**
 * Draw how right one run is, or two are: by class, or by label where images may have several.
 * @param {HTMLElement} place
 * @param {readonly Side[]} sides
 */
export function drawRight(place, sides) {
  const known = sides.filter(({ said }) => said.labels.length);
  if (!known.length) drawByClass(place, sides);
  else drawByLabel(place, known);
}

/** @param {HTMLElement} place @param {readonly Side[]} sides that know labels */
function drawByLabel(place, sides) {
  const [first] = sides;
  const same = sides.every(({ said }) => JSON.stringify(said.names) === JSON.stringify(first.said.names));
  const order =
    sides.length === 2
      ? "By label, what lost most F1 first; the change is in points."
      : "By label, the lowest F1 first. Each number opens its images in the live page.";
  const groups = same ? [sides] : sides.map((one) => [one]);
  place.replaceChildren(
    ...sides.map(caption),
    paragraph("small", same ? order : "The runs name other labels."),
    ...groups.map((group) =>
      div(
        "by-class-room accuracy",
        table(
          "Hits by label",
          heads(group).map((name) => head(name, "col")),
          rows(group),
        ),
      ),
    ),
  );
}
