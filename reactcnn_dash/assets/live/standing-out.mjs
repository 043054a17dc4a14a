/* The panel "What stands out": the image's score in words, its layers and filters in order. */
import { byId, element, paragraph, setText, span, textButton } from "../base/dom.mjs";
import { count, number, plural, signed } from "../base/format.mjs";
import { explained } from "../base/terms.mjs";
import * as ids from "../generated/ids.mjs";
import { NOT_FINITE, NOUGHT } from "../generated/rules.mjs";
import { deviating, deviations, ofImage, ofRun } from "./deviations.mjs";
import { grid } from "./grid.mjs";
import { levelOf, ranked, strangenessText, verdict, wordsOf } from "./oddness.mjs";
import { focusFilter, move } from "./pointer.mjs";
import { address, filterText, layers, shown } from "./shown.mjs";
import { view } from "./view.mjs";

/** @import { At } from "../base/grid.mjs" */
/** @import { OddImage, OddLayer } from "../generated/live.d.ts" */
/** @import { Running } from "../generated/shared.d.ts" */
/** @import { KnownImage } from "./deviations.mjs" */

const MOST_LAYERS = 5;
const MOST_LEFT = 5;
const MOST_FILTERS = 8;

/** How far the work is, its present stage: first what is usual is learnt, then images are scored. @param {Running} waiting */
export function progressText({ done, total, behind }) {
  if (total) return `${Math.floor((100 * done) / total)} %`;
  return behind ? "waiting for other work to end" : "beginning";
}

/** @param {OddImage} found */
const verdictOf = (found) => verdict(found, Number(view.now.rate));

/**
 * A link of the panel: pointing at it or coming to it by keyboard shows what it is about.
 * @param {string} title
 * @param {(on: boolean) => void} point
 * @param {() => void} choose
 * @param {...HTMLElement} children
 */
function oddLink(title, point, choose, ...children) {
  const on = () => point(true);
  const off = () => point(false);
  return element(
    "button",
    {
      class: "odd-link",
      type: "button",
      title,
      onmouseenter: on,
      onmouseleave: off,
      onfocus: on,
      onblur: off,
      onclick: choose,
    },
    ...children,
  );
}

/**
 * A filter: pointing at it rings it, a click pins it and brings it in sight.
 * @param {At} at
 * @param {string} value
 * @param {string} title
 */
function filterLink(at, value, title) {
  const choose = () => {
    grid.blocks[at.layer].node.scrollIntoView({ block: "nearest", inline: "nearest" });
    view.set({ filter: filterText(at) });
  };
  return oddLink(
    title,
    (on) => move(on ? at : null, null),
    choose,
    span("odd-name", address(at)),
    span("odd-value", value),
  );
}

/** The filter of a layer that is farthest off. @param {Uint8Array} codes @param {number} layer @returns {At} */
function farthest(codes, layer) {
  const { offset, filters } = layers()[layer];
  const off = [...codes.subarray(offset, offset + filters)].map((code) =>
    code === NOT_FINITE ? Number.POSITIVE_INFINITY : Math.abs(code - NOUGHT),
  );
  return { layer, filter: off.indexOf(Math.max(...off)) };
}

/** @param {Uint8Array} codes @param {OddLayer & { index: number }} layer */
const layerLink = (codes, layer) =>
  oddLink(
    `${layer.name}: ${wordsOf(layer)}. Click to walk through its filters, from the one farthest off.`,
    (on) => grid.blocks[layer.index].node.classList.toggle("named", on),
    () => focusFilter(farthest(codes, layer.index)),
    span("odd-name", layer.name),
    span("odd-more", `1 in ${count(Math.round(1 / layer.tail))}`),
    element("span", { class: "odd-chip", "data-level": levelOf(layer) }, strangenessText(layer)),
  );

/**
 * @param {string} title
 * @param {string | null} note
 * @param {readonly HTMLElement[]} rows
 */
const section = (title, note, rows) => [
  element("h3", { class: "section" }, title),
  ...(note ? [paragraph("small", ...explained(note))] : []),
  ...(rows.length
    ? [element("ol", { class: "odd-list" }, ...rows.map((row) => element("li", {}, row)))]
    : []),
];

/** @param {OddImage} found @param {Uint8Array} codes */
function layersOf(found, codes) {
  const odd = ranked(found.layers).filter((layer) => levelOf(layer) > 0);
  const note = odd.length
    ? "by strangeness, the strangest first"
    : "None stands out: in each, more than 5 % of usual images are as far off.";
  return section(
    "Layers",
    note,
    odd.slice(0, MOST_LAYERS).map((layer) => layerLink(codes, layer)),
  );
}

/** @param {OddImage} found */
function leftOf({ left }) {
  if (!left.length) return [];
  const rows = left.slice(0, MOST_LEFT).map((one) => {
    const by = signed(one.deviation);
    const title = `${by} usual deviations from what its cluster lets one expect`;
    const words = `usually moves with ${plural(one.mates, "other")}; here it does not: expected ${number(one.expected)}, found ${number(one.found)}`;
    return element("div", {}, filterLink(one, by, title), paragraph("small", words));
  });
  return section("Left their cluster", null, rows);
}

/** @param {OddImage} found */
function filtersOf({ suspects }) {
  if (!suspects.length) return [];
  const rows = suspects.slice(0, MOST_FILTERS).map((one) => {
    const by = signed(one.deviation);
    return filterLink(
      one,
      by,
      `${address(one)}: ${by} standard deviations of what usually stays unexplained`,
    );
  });
  return section("Filters", "explained neither by the layer before nor by their own", rows);
}

/** @param {Running} status */
function waiting(status) {
  const bar = element("progress", { max: status.total || 1, "aria-label": "Finding out what is usual" });
  if (status.total) bar.value = status.done;
  const words = "Finding out what is usual for this run, and scoring its images: once, then it is stored.";
  return [element("p", {}, words), bar, paragraph("small", progressText(status))];
}

/** @param {KnownImage | null} known */
function content(known) {
  const { status } = deviations;
  if (status?.status === "running") return waiting(status);
  const told = status ?? known?.failure;
  if (told) return [paragraph("odd-told", told.message)];
  if (!known?.found || !known.codes) return [];
  const [head, rest, odd] = verdictOf(known.found);
  return [
    paragraph(`odd-verdict${odd ? " is-odd" : ""}`, element("strong", {}, head), rest),
    ...layersOf(known.found, known.codes),
    ...leftOf(known.found),
    ...filtersOf(known.found),
  ];
}

function drawCount() {
  const known = ofRun();
  const are = known?.count === 1 ? "is" : "are";
  const so = known?.provisional ? ", so far" : "";
  setText(
    ids.ODD_COUNT,
    known ? `${count(known.count)} of ${count(known.scored)} images ${are} odd${so}` : "",
  );
}

const toWhole = () => view.set({ layer: null, cluster: null });

/** One line above the clusters that hide the panel: the work under way, or the verdict. @param {KnownImage | null} known */
function drawInShort(known) {
  const { status } = deviations;
  const [head] = known?.found ? verdictOf(known.found) : ["What stands out"];
  const words =
    status?.status === "running" ? `Learning: ${progressText(status)}` : head.trim().replace(/\.$/, "");
  const text = `${words} →`;
  const place = byId(ids.ODD_IN_SHORT);
  if (place.textContent === text) return;
  const title = "What stands out about this image: close the clusters, and see";
  place.replaceChildren(textButton(text, toWhole, { title }));
}

/** What the panel is of. @type {unknown} */
let drawn = null;

/** Draw the panel; what was in hand there stays in hand. */
export function drawStandingOut() {
  if (!deviating()) return;
  const place = byId(ids.STANDING_OUT_BODY);
  drawCount();
  const known = ofImage();
  drawInShort(known);
  place.classList.toggle("behind", !known && !deviations.status);
  const state = deviations.status ? JSON.stringify(deviations.status) : known;
  // Another image of the run: the former stays until this one is known.
  if (!state && deviations.image?.uuid === shown.run?.uuid) return;
  if (state === drawn) return;
  drawn = state;
  const parts = content(known);
  const held = [...place.querySelectorAll(".odd-link")].indexOf(
    /** @type {Element} */ (document.activeElement),
  );
  if (held >= 0 || place.matches(":hover")) move(null, null);
  for (const block of grid.blocks) block.node.classList.remove("named");
  place.replaceChildren(...parts);
  const links = /** @type {NodeListOf<HTMLElement>} */ (place.querySelectorAll(".odd-link"));
  if (held >= 0) links[held]?.focus();
}
