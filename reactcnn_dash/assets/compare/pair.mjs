/* One image in both runs: its probabilities, and every filter's GAP in A, in B, or B − A. */
import { bothWays, coloursOf, diverging, legend } from "../base/colours.mjs";
import { show } from "../base/dash.mjs";
import { button, byId, canvasOf, div, element, paragraph, setText, span, track } from "../base/dom.mjs";
import { answer, className, count, meanError, number, plural } from "../base/format.mjs";
import { Grid } from "../base/grid.mjs";
import { listenToGrid } from "../base/hand.mjs";
import { notice, reason } from "../base/notice.mjs";
import { clearPixels, decodeBytes, drawPixels, fetchPixels } from "../base/pixels.mjs";
import { codeOf, differenceCode, endsOf, goesBothWays, rangesOf, wholeRange } from "../base/scales.mjs";
import { hideTip, tip } from "../base/tip.mjs";
import * as ids from "../generated/ids.mjs";
import { NOT_FINITE } from "../generated/rules.mjs";
import { asked, asker, compared } from "./comparison.mjs";
import { labelOf, shownClasses } from "./pair-classes.mjs";
import { view } from "./view.mjs";

/** @import { ChangedImages, Compared, ImagePair, RunAnswer } from "../generated/compare.d.ts" */
/** @import { ShownLayer } from "../generated/live.d.ts" */
/** @import { At } from "../base/grid.mjs" */
/** @import { Place } from "../base/tip.mjs" */
/** @import { Range } from "../base/scales.mjs" */

/**
 * The open image: what both runs say, their GAP and the layers in common, side by side as it has them.
 * @typedef {object} Open
 * @property {Compared} found
 * @property {ImagePair} pair
 * @property {Float32Array} a
 * @property {Float32Array} b
 * @property {ShownLayer[]} layers
 * @property {Range[]} ranges
 */

const IDENTITY = Uint8Array.from({ length: 256 }, (_, i) => i);
/** @type {Record<ChangedImages["kind"], string>} */
const KINDS = {
  all: "changed",
  corrected: "corrected",
  broken: "broken",
  between: "changed between wrong ones",
};

/** @type {Open | null} */
let open = null;
/** The comparison whose layers the grid has. @type {Compared | null} */
let built = null;
let shown = "";
/** @type {At | null} */
let inHand = null;
let listening = false;

const ask = asker("image", take);

const ofDifference = () => view.now.shown === "difference";

/** The colours of a layer. @param {number} layer */
const scale = (layer) => (ofDifference() || !open ? diverging() : coloursOf(rangeOf(open, layer)));

const grid = new Grid({
  room: () => byId(ids.GRID),
  prefix: "cell",
  bare: true,
  name: (layer) => ({
    title: `${layer.name}: ${layer.kind}, ${layer.filters} filters of ${layer.height} × ${layer.width}. Click for its cluster flow.`,
    label: `Cluster flow of ${layer.name}, ${layer.filters} filters`,
  }),
  choose: (index) =>
    open && view.set({ image: null, layer: open.layers[index].name, tab: "flow", cluster: null }),
  scale: () => IDENTITY,
  colours: (index) => scale(index).css,
  placed: hideTip,
});

/** @param {Compared} found @returns {ShownLayer[]} */
function layersOf({ layers }) {
  let offset = 0;
  return layers.map((layer) => {
    const placed = { ...layer, offset };
    offset += layer.filters;
    return placed;
  });
}

/** @param {Open} of @param {number} layer */
const rangeOf = ({ ranges }, layer) => (view.now.scale === "layer" ? ranges[layer] : wholeRange(ranges));

/** @param {Open} of */
function codes(of) {
  const { a, b, layers } = of;
  const result = new Uint8Array(a.length);
  layers.forEach(({ offset, filters }, layer) => {
    const range = rangeOf(of, layer);
    for (let i = offset; i < offset + filters; i++) {
      if (ofDifference()) result[i] = differenceCode(b[i] - a[i], range);
      else result[i] = codeOf(view.now.shown === "a" ? a[i] : b[i], range);
    }
  });
  return result;
}

/** @param {Open} of @param {number | null} layer under the pointer */
function drawLegend(of, layer) {
  const whole = view.now.scale === "network";
  const difference = ofDifference();
  const what = difference ? "B − A" : `GAP in ${view.now.shown.toUpperCase()}`;
  const signed = of.ranges.some(goesBothWays);
  let ends = difference ? ["A larger", "B larger"] : signed ? ["negative", "positive"] : ["small", "large"];
  let { gradient } = difference ? diverging() : signed ? bothWays() : coloursOf([0, 1]);
  let title = `${what}, each layer on its own scale`;
  if (whole || layer !== null) {
    const range = rangeOf(of, layer ?? 0);
    const most = number(range[1] - range[0]);
    ends = difference ? [`−${most}`, `+${most}`] : endsOf(range).map(number);
    gradient = scale(layer ?? 0).gradient;
    title = `${what}, ${whole || layer === null ? "whole network" : of.layers[layer].name}`;
  }
  const amber = codes(of).includes(NOT_FINITE) ? "NaN or infinite" : null;
  legend(byId(ids.LEGEND), title, ends, gradient, amber);
}

/** @param {Open} of @param {number} index */
const classOf = ({ found }, index) =>
  index < 0 ? "no answer" : className((found.a.classes.length ? found.a : found.b).classes, index);

/** How far labels or values of a side are off, in words. @param {Open} of @param {"a" | "b"} side */
function offWords({ found, pair }, side) {
  const { error } = pair[side];
  if (error === null) return "no class";
  if (found[side].answers === "values") return `off by ${meanError(error)}`;
  return error ? `${plural(error, "label")} wrong` : "every label right";
}

/** @param {Open} of @param {"a" | "b"} side */
function verdict(of, side) {
  const { label, prediction } = of.pair[side];
  const named = of.found[side].answers === "classes";
  const wrong = named && label !== null && label !== prediction;
  return div(
    wrong ? "verdict wrong" : "verdict",
    span(`side-badge side-${side}`, side.toUpperCase()),
    " ",
    element("strong", {}, named ? classOf(of, prediction) : offWords(of, side)),
    label === null || !named ? "" : wrong ? " — wrong" : " — right",
  );
}

/** @param {Open} of */
function drawCaption(of) {
  const { a, b } = of.pair;
  const label = labelOf(of.pair);
  const name = a.name || b.name;
  const same = a.ordinal === b.ordinal;
  const title = same
    ? `Image ${count(a.ordinal)}`
    : `Image ${count(a.ordinal)} of A, ${count(b.ordinal)} of B`;
  byId(ids.COMPARE_IMAGE_CAPTION).replaceChildren(
    div("caption-title", title),
    name ? element("div", { class: "caption-name", title: name }, name) : "",
    label === null ? "" : div("verdict", "it is ", element("strong", {}, classOf(of, label))),
    verdict(of, "a"),
    verdict(of, "b"),
    of.found.rounding ? paragraph("rounding", of.found.rounding) : "",
  );
  byId(ids.COMPARE_IMAGE, HTMLCanvasElement).setAttribute(
    "aria-label",
    `Image ${a.ordinal}: ${classOf(of, a.prediction)} in A, ${classOf(of, b.prediction)} in B`,
  );
}

/** @param {Open} of */
function drawProbabilities(of) {
  const { pair } = of;
  /** @param {"a" | "b"} side @param {number | null | undefined} p */
  const words = (side, p) => {
    if (p === undefined) return "–";
    if (p === null) return "NaN";
    return of.found[side].answers === "values" ? answer(p) : (100 * p).toFixed(1);
  };
  const value = (/** @type {"a" | "b"} */ side, /** @type {number} */ i) => {
    /** @type {RunAnswer} */
    const { probabilities, prediction } = pair[side];
    const kind = `side-text-${side}${i === prediction ? " predicted" : ""}`;
    return span(kind, words(side, probabilities[i]));
  };
  const bar = (/** @type {"a" | "b"} */ side, /** @type {number} */ i) =>
    track(of.found[side].answers === "values" ? 0 : (pair[side].probabilities[i] ?? 0), `side-fill-${side}`);
  const rows = shownClasses(pair).map((i) =>
    element(
      "div",
      { class: `pair-bar${i === labelOf(pair) ? " label" : ""}`, role: "listitem", "data-class": i },
      element("span", { class: "bar-name", title: classOf(of, i) }, classOf(of, i)),
      span("pair-tracks", bar("a", i), bar("b", i)),
      span("pair-values", value("a", i), value("b", i)),
    ),
  );
  byId(ids.COMPARE_PROBABILITIES).replaceChildren(...rows);
}

/** @param {Open} of */
async function drawImage(of) {
  const { a } = of.found;
  try {
    const pixels = await fetchPixels(a, of.pair.a.ordinal);
    if (of === open) drawPixels(canvasOf(ids.COMPARE_IMAGE), pixels, a.shape);
  } catch (error) {
    if (of !== open) return;
    clearPixels(canvasOf(ids.COMPARE_IMAGE));
    notice(`The image could not be read: ${reason(error)}`);
  }
}

/** @param {ImagePair} pair */
function drawPlace({ place, total, previous, next }) {
  const all = `${count(total)} ${KINDS[view.now.kind]}`;
  setText(ids.COMPARE_PAIR_PLACE, place === null ? `not among the ${all}` : `${count(place + 1)} of ${all}`);
  button(ids.COMPARE_PAIR_PREVIOUS).disabled = previous === null;
  button(ids.COMPARE_PAIR_NEXT).disabled = next === null;
}

/** @param {At | null} at @param {Place | null} place */
function move(at, place) {
  if (!open) return;
  inHand = at;
  grid.ring("ring", at);
  drawLegend(open, at ? at.layer : null);
  if (!at) {
    hideTip();
    return;
  }
  const { name, offset } = open.layers[at.layer];
  const [a, b] = [open.a[offset + at.filter], open.b[offset + at.filter]];
  const sign = b > a ? "+" : "";
  tip(
    [`${name} · filter ${at.filter}`, `A ${number(a)}`, `B ${number(b)}`, `B − A ${sign}${number(b - a)}`],
    place,
  );
}

function listen() {
  listening = true;
  const room = byId(ids.GRID);
  const hand = listenToGrid(grid, room, { at: () => inHand, move, choose: () => {} });
  room.addEventListener("keydown", (event) => {
    if (!inHand || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
    hand.focus(grid.step(inHand, event.key));
  });
  new ResizeObserver(() => grid.layout()).observe(room);
}

/** Colour the grid again: another image, scale or side; or other colours. */
export function paintPair() {
  if (!open || view.now.image === null) return;
  grid.paint(codes(open));
  grid.repaint();
  drawLegend(open, inHand ? inHand.layer : null);
}

/** @param {ImagePair} pair @param {Compared} found */
function take(pair, found) {
  const gap = (/** @type {RunAnswer} */ answer) => new Float32Array(decodeBytes(answer.gap).buffer);
  const layers = layersOf(found);
  open = { found, pair, layers, a: gap(pair.a), b: gap(pair.b), ranges: rangesOf(found.a, found.b) };
  if (!listening) listen();
  if (built !== found) {
    built = found;
    grid.build(layers);
  }
  drawCaption(open);
  drawProbabilities(open);
  drawPlace(pair);
  drawImage(open);
  paintPair();
}

/** The changed image before or after the one that is open. @param {"previous" | "next"} name */
export function stepPair(name) {
  const image = open?.pair[name] ?? null;
  if (image !== null) view.set({ image });
}

/** Bring the open image in line with the view. */
export function drawPair() {
  const { image, kind } = view.now;
  const opened = compared.found !== null && image !== null;
  byId(ids.APP).classList.toggle("with-pair", opened);
  byId(ids.COMPARE_PAIR).hidden = !opened;
  if (!opened) {
    shown = "";
    return;
  }
  show(ids.COMPARE_SHOWN, view.now.shown);
  show(ids.SCALE, view.now.scale);
  const key = JSON.stringify([asked(), image, kind]);
  if (key === shown) {
    paintPair();
    return;
  }
  shown = key;
  ask({ image, kind });
}
