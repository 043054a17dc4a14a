/* What was taken for what, and how many of each class are right: of one run, or of two side by side. */
import { askUntilDone } from "./asker.mjs";
import { around, div, element, paragraph, span, tableOf, track } from "./dom.mjs";
import { className, count, percent, plural, signed } from "./format.mjs";
import { livePage } from "./links.mjs";

/** @import { ByClass } from "../generated/shared.d.ts" */
/** @import { Child } from "./dom.mjs" */

/** A run's figures; `side` tells two runs apart. @typedef {{ said: ByClass, side: "a" | "b" | null }} Side */
/** Of one class: how many images, how many right, and the ends of the interval. @typedef {ByClass["classes"][number]} OfClass */

/** How deep a cell is of which there is least, and how much deeper one that is all of its row, in percent. */
const [LEAST, MORE] = [8, 34];

/**
 * Ask for a run's figures; null once nobody waits for them.
 * @param {number} run
 * @param {() => boolean} still
 * @returns {Promise<ByClass | null>}
 */
export const askByClass = (run, still) => askUntilDone("/by-class/of", { run }, still, () => {});

/**
 * The images of a label that were given an answer, or of any, as the live page searches for them.
 * @param {ByClass} said
 * @param {number} label
 * @param {number} [answer] `names.length` for none
 */
export function searchOf({ names, unanswered }, label, answer) {
  const parts = [`label-${label}`];
  if (answer === names.length) parts.push("unanswered");
  else if (answer !== undefined) {
    parts.push(`predicted-${answer}`);
    // An image without a finite answer is stored with a prediction, too.
    if (unanswered) parts.push("answered");
  }
  return parts.join(".");
}

/** @param {ByClass} said @param {string} search @param {string} words @param {string} more what the words say, at length */
export const searchLink = ({ run }, search, words, more) =>
  element(
    "a",
    {
      href: livePage({ run, search }),
      "data-search": search,
      "aria-label": `${words}: ${more}`,
      title: `${more}: open in the live page`,
    },
    words,
  );

/** @param {Element} cell @param {string} key @returns {HTMLAnchorElement | null} the next link in a direction */
function linkBeside(cell, key) {
  const back = key === "ArrowLeft" || key === "ArrowUp";
  const aside = key === "ArrowLeft" || key === "ArrowRight";
  const at = /** @type {HTMLTableCellElement} */ (cell).cellIndex;
  let node = aside ? cell : cell.parentElement;
  for (;;) {
    node = (back ? node?.previousElementSibling : node?.nextElementSibling) ?? null;
    if (!node) return null;
    const found = (aside ? node : node.children[at])?.querySelector("a");
    if (found) return found;
  }
}

/** Let arrow keys walk from link to link; one alone is a tab stop. @param {HTMLTableElement} table */
function walked(table) {
  for (const [i, link] of [...table.querySelectorAll("a")].entries()) link.tabIndex = i ? -1 : 0;
  table.addEventListener("keydown", (event) => {
    const here = around(event, "a");
    const cell = here?.parentElement;
    if (!here || !cell || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
    const next = linkBeside(cell, event.key);
    if (!next) return;
    here.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  return table;
}

/** @param {string} name @param {"col" | "row"} scope */
export const head = (name, scope) => element("th", { scope, title: name }, element("span", {}, name));

/** @param {string} label @param {readonly Child[]} heads @param {readonly HTMLElement[]} rows */
export const table = (label, heads, rows) => walked(tableOf({ "aria-label": label }, heads, rows));

/** @param {Side["side"]} side */
export const badge = (side) => side && span(`side-badge side-${side}`, side.toUpperCase());

/** How a run is called in words. @param {Side["side"]} side */
const ofSide = (side) => (side ? ` in ${side.toUpperCase()}` : "");

/** @param {Side} of */
function caption({ said, side }) {
  const total = said.classes.reduce((sum, [, images]) => sum + images, 0);
  const right = said.classes.reduce((sum, [, , hits]) => sum + hits, 0);
  const words = `${plural(total, "labelled image")}, ${percent(right / total, 1)} right`;
  return element("figcaption", {}, badge(side), side ? " " : "", words);
}

/** @param {ByClass} said @param {number} label @param {number} answer @param {number} total of the label */
function cell(said, label, answer, total) {
  const n = said.counts[label][answer];
  if (!n) return element("td", {});
  const name = className(said.names, label);
  const given = answer < said.names.length ? className(said.names, answer) : null;
  const verb = given === null ? "given no answer" : label === answer ? "right" : `taken for ${given}`;
  const more = `${name} ${verb}, ${percent(n / total, 1)} of ${plural(total, "image")}`;
  const node = element(
    "td",
    { class: label === answer ? "right" : "wrong" },
    searchLink(said, searchOf(said, label, answer), count(n), more),
  );
  node.style.setProperty("--deep", `${LEAST + (MORE * n) / total}%`);
  return node;
}

/** The whole matrix. @param {Side} of */
function matrix({ said, side }) {
  const { names, counts, unanswered } = said;
  const none = unanswered > 0 && counts.some((row) => row[names.length] > 0);
  const columns = none ? [...names, "no answer"] : names;
  const rows = counts.map((row, label) => {
    const total = row.reduce((sum, n) => sum + n, 0);
    return element(
      "tr",
      {},
      head(names[label], "row"),
      ...columns.map((_, answer) => cell(said, label, answer, total)),
    );
  });
  const heads = [element("td", {}), ...columns.map((name) => head(name, "col"))];
  return table(`What was taken for what${ofSide(side)}`, heads, rows);
}

/** The most frequent confusions of many classes. @param {Side} of */
function worst({ said, side }) {
  const rows = said.worst.map(([label, answer, n]) => {
    const [name, given] = [className(said.names, label), className(said.names, answer)];
    const link = searchLink(said, searchOf(said, label, answer), count(n), `${name} taken for ${given}`);
    return element(
      "tr",
      {},
      head(name, "row"),
      element("td", { class: "words", title: given }, given),
      element("td", {}, link),
    );
  });
  const heads = ["label", "taken for", "images"].map((name) => head(name, "col"));
  return table(`The most frequent confusions${ofSide(side)}`, heads, rows);
}

/** @param {Side} of */
function figureOf(of) {
  const { said, side } = of;
  if (said.why !== null) return paragraph("nothing", badge(side), side ? " " : "", said.why);
  const whole = said.counts.length > 0;
  const made = whole ? matrix(of) : said.worst.length ? worst(of) : "No image is taken for another class.";
  return element(
    "figure",
    { class: whole ? "confusion" : "confusions" },
    caption(of),
    div("by-class-room", made),
  );
}

/** A side's cells in the row of a class. @param {Side} of @param {OfClass | undefined} figures */
function cellsOf({ said, side }, figures) {
  if (!figures) return [element("td", {}), element("td", {}), element("td", {}), element("td", {})];
  const [label, images, right, low, high] = figures;
  const name = `${className(said.names, label)}${ofSide(side)}`;
  const share = searchLink(
    said,
    searchOf(said, label, label),
    percent(right / images, 1),
    `${name}: ${count(right)} of ${count(images)} right`,
  );
  return [
    element("td", {}, searchLink(said, searchOf(said, label), count(images), `images of ${name}`)),
    element("td", {}, right ? share : percent(0, 1)),
    element("td", { class: "interval" }, `${(100 * low).toFixed(0)} – ${(100 * high).toFixed(0)}`),
    element("td", { class: "share-bar" }, track(right / images, side ? `side-fill-${side}` : "")),
  ];
}

/** Accuracy by class, what fares worst or has lost most first. @param {readonly Side[]} sides that name the same classes */
function accuracy(sides) {
  const by = sides.map(({ said }) => new Map(said.classes.map((one) => [one[0], one])));
  const share = (/** @type {OfClass} */ [, images, right]) => right / images;
  /** @param {number} label */
  const change = (label) => {
    const known = by.map((one) => one.get(label)).filter((one) => one !== undefined);
    return known.length === 2 ? share(known[1]) - share(known[0]) : null;
  };
  const only = (/** @type {number} */ label) => {
    const one = by[0].get(label) ?? by[1].get(label);
    return one ? share(one) : 1;
  };
  const order = sides.length === 2 ? (/** @type {number} */ label) => change(label) ?? 2 : only;
  const labels = [...new Set(by.flatMap((one) => [...one.keys()]))].sort(
    (i, j) => order(i) - order(j) || i - j,
  );
  const rows = labels.map((label) => {
    const points = change(label);
    const more = sides.length === 2 ? [element("td", {}, points === null ? "–" : signed(100 * points))] : [];
    return element(
      "tr",
      {},
      head(className(sides[0].said.names, label), "row"),
      ...sides.flatMap((one, i) => cellsOf(one, by[i].get(label))),
      ...more,
    );
  });
  const heads = [
    head("class", "col"),
    ...sides.flatMap(({ side }) => [
      head(side ? `${side.toUpperCase()}: images` : "images", "col"),
      head(side ? `right in ${side.toUpperCase()}` : "right", "col"),
      head("95 %", "col"),
      element("td", {}),
    ]),
    ...(sides.length === 2 ? [head("change", "col")] : []),
  ];
  return div("by-class-room accuracy", table("Right by class", heads, rows));
}

/** @param {readonly Side[]} known */
function words(known) {
  const whole = known.some(({ said }) => said.counts.length);
  const first = whole
    ? "Images of a label (row) that were given a class (column); deep is a large share of a row."
    : "The most frequent confusions.";
  const two = known.length === 2 ? " Over all labelled images of each run, those not in common too." : "";
  return `${first}${two} Each number opens its images in the live page.`;
}

/**
 * Draw the figures of one run, or of two.
 * @param {HTMLElement} place
 * @param {readonly Side[]} sides
 */
export function drawByClass(place, sides) {
  const known = sides.filter(({ said }) => said.why === null);
  const same = new Set(known.map(({ said }) => JSON.stringify(said.names))).size < 2;
  const order =
    known.length === 2
      ? "Right by class, what lost most first; the change is in points, the interval is Wilson's."
      : "Right by class, what fares worst first, with the 95 % interval of Wilson's score.";
  place.replaceChildren(
    known.length ? paragraph("small", words(known)) : "",
    div("by-class-sides", ...sides.map(figureOf)),
    known.length ? paragraph("small", same ? order : "The runs name other classes.") : "",
    ...(same ? (known.length ? [accuracy(known)] : []) : known.map((one) => accuracy([one]))),
  );
}
