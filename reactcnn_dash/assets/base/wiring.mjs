/* How layers hang together, as a line of dots with arcs below it. Pure: numbers in, numbers out. */

/** @import { Geometry } from "./geometry.mjs" */
/** @import { Wiring } from "../generated/live.d.ts" */

/** The height of the band below a network with branches. */
export const BAND = 40;
const FIRST_DEPTH = 8;
const A_DOUBLING = 7;
const DEEPEST = 30;
const BESIDE = 9;
const SIGNS = /** @type {Record<string, string>} */ ({
  Add: "+",
  Concatenate: "∪",
  Multiply: "×",
  Subtract: "−",
});

/** Where branches meet. @typedef {{ x: number, kind: string, sign: string }} Dot */
/** From one dot to another, `depth` below the line; 0 along it. @typedef {{ from: number, to: number, depth: number }} Arc */
/** @typedef {{ layers: number[], merges: Dot[], arcs: Arc[] }} Drawing */

/** Whether a network is more than a chain. @param {Wiring | null} wiring */
export const branches = (wiring) =>
  wiring !== null &&
  (wiring.merges.length > 0 || wiring.taps.some((of, i) => (i ? of[0] !== i - 1 : of.length > 0)));

/**
 * The last layer that a source comes from.
 * @param {Wiring} wiring
 * @param {number} source
 * @returns {number}
 */
const lastOf = (wiring, source) =>
  source >= 0 ? source : Math.max(...wiring.merges[-1 - source].of.map((one) => lastOf(wiring, one)));

/**
 * Where dots and arcs stand. A merge stands behind the last layer that comes to it; what goes past other
 * dots is an arc, the deeper the more it goes past.
 * @param {Geometry} geometry
 * @param {Wiring} wiring
 * @returns {Drawing}
 */
export function drawingOf({ blocks, gap }, wiring) {
  const layers = blocks.map((block) => block.x + block.width / 2);
  /** @type {Map<number, number>} */
  const here = new Map();
  const merges = wiring.merges.map(({ kind }, k) => {
    const last = lastOf(wiring, -1 - k);
    const before = here.get(last) ?? 0;
    here.set(last, before + 1);
    const { x, width } = blocks[last];
    return { x: x + width + gap / 2 + before * BESIDE, kind, sign: SIGNS[kind] ?? "•" };
  });
  const placeOf = (/** @type {number} */ source) => (source >= 0 ? layers[source] : merges[-1 - source].x);
  const dots = [...layers, ...merges.map(({ x }) => x)].sort((a, b) => a - b);
  const between = (/** @type {number} */ from, /** @type {number} */ to) =>
    dots.filter((x) => x > from + 0.01 && x < to - 0.01).length;
  const arc = (/** @type {number} */ source, /** @type {number} */ to) => {
    const from = placeOf(source);
    const past = between(from, to);
    return { from, to, depth: past && Math.min(DEEPEST, FIRST_DEPTH + A_DOUBLING * Math.log2(past + 1)) };
  };
  return {
    layers,
    merges,
    arcs: [
      ...wiring.taps.flatMap((of, i) => of.map((source) => arc(source, layers[i]))),
      ...wiring.merges.flatMap(({ of }, k) => of.map((source) => arc(source, merges[k].x))),
    ],
  };
}

/** An arc as a path, from a line at a height. @param {Arc} arc @param {number} y */
export const pathOf = ({ from, to, depth }, y) => {
  if (!depth) return `M${from} ${y}H${to}`;
  const bend = Math.min(12, (to - from) / 3);
  const [low, high] = [y + depth, y];
  return `M${from} ${high}C${from} ${low} ${from} ${low} ${from + bend} ${low}H${to - bend}C${to} ${low} ${to} ${low} ${to} ${high}`;
};
