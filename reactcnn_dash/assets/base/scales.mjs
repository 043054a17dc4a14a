/* Scales: from a value to a code of 0 to 254, and back (see analysis/scales.py). Pure.
   On a one-sided scale deep is large; where values go both ways 0 is neutral, in the middle. */
import { CODES, NOT_FINITE, NOUGHT } from "../generated/rules.mjs";

/** The values at the ends of a layer's scale, or of the whole network's. @typedef {readonly [number, number]} Range */

/** Lowest and highest values by layer. @typedef {{ low: readonly (number | null)[], high: readonly (number | null)[] }} Ends */

/** Whether a scale has negative values on it. @param {Range} range */
export const goesBothWays = ([low]) => low < 0;

/** How far a scale that goes both ways reaches to either side. @param {Range} range */
export const reach = ([low, high]) => Math.max(-low, high);

/**
 * The ends of a scale as a legend has them.
 * @param {Range} range
 * @returns {Range}
 */
export const endsOf = (range) => (goesBothWays(range) ? [-reach(range), reach(range)] : range);

/**
 * A value's code: it grows with the square root, since most values are small beside the largest.
 * @param {number} value
 * @param {Range} range
 */
export function codeOf(value, range) {
  if (!Number.isFinite(value)) return NOT_FINITE;
  if (goesBothWays(range)) return codeOfShare(value / reach(range));
  const [low, high] = range;
  const share = high > low ? (value - low) / (high - low) : 0;
  return Math.round(Math.sqrt(Math.max(0, Math.min(1, share))) * CODES);
}

/** @param {number} share from −1 to 1, of a scale with 0 in its middle */
function codeOfShare(share) {
  return NOUGHT + Math.round(Math.sign(share) * Math.sqrt(Math.min(1, Math.abs(share))) * NOUGHT);
}

/**
 * The code of a difference of two values on a scale: to both sides of nought.
 * @param {number} value
 * @param {Range} range
 */
export function differenceCode(value, [low, high]) {
  if (!Number.isFinite(value)) return NOT_FINITE;
  return codeOfShare(high > low ? value / (high - low) : 0);
}

/** The value that a code stands for. @param {number} code @param {Range} range */
export function gapOf(code, range) {
  if (goesBothWays(range)) {
    const share = (code - NOUGHT) / NOUGHT;
    return Math.sign(share) * share ** 2 * reach(range);
  }
  const [low, high] = range;
  return low + (code / CODES) ** 2 * (high - low);
}

/**
 * The table from the codes of a layer's own scale to those of another.
 * @param {Range} own
 * @param {Range} scale
 */
export function colourTable(own, scale) {
  const table = Uint8Array.from({ length: CODES + 1 }, (_, code) => codeOf(gapOf(code, own), scale));
  return Uint8Array.of(...table, NOT_FINITE);
}

/** The range of all layers together. @param {readonly Range[]} ranges @returns {Range} */
export const wholeRange = (ranges) => [
  Math.min(...ranges.map(([low]) => low)),
  Math.max(...ranges.map(([, high]) => high)),
];

/**
 * The scale of each layer: from its lowest value in any run, and nought, to its highest.
 * @param {...Ends} runs
 * @returns {Range[]}
 */
export const rangesOf = (...runs) =>
  runs[0].low.map((_, i) => [
    Math.min(0, ...runs.map(({ low }) => low[i] ?? 0)),
    Math.max(0, ...runs.map(({ high }) => high[i] ?? 0)),
  ]);

/** A feature map: a code from 0 to 255 a place, which stands for low + step · code. @typedef {{ low: number, step: number }} MapScale */

/**
 * From a feature map's codes to colour codes, evenly: from its lowest value to its highest, or to
 * both sides of nought.
 * @param {MapScale & { signed: boolean }} map
 */
export function mapTable({ low, step, signed }) {
  if (!signed) return Uint8Array.from({ length: 256 }, (_, code) => Math.min(code, CODES));
  const far = Math.max(Math.abs(low), Math.abs(low + 255 * step)) || 1;
  return Uint8Array.from({ length: 256 }, (_, code) =>
    Math.round(NOUGHT * (1 + Math.max(-1, Math.min(1, (low + step * code) / far)))),
  );
}

/**
 * How strongly a filter answers by the codes of its map, from 0 to 1: a negative answer is one too.
 * @param {MapScale} map
 */
export function answerTable({ low, step }) {
  const far = Math.max(Math.abs(low), Math.abs(low + 255 * step));
  const bothWays = low < 0 && far > 0;
  return Float64Array.from({ length: 256 }, (_, code) =>
    bothWays ? Math.min(1, Math.abs(low + step * code) / far) : code / 255,
  );
}
