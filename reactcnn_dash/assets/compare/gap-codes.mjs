/* GAP of both runs on one scale, as codes of colours. Pure. */
import { CODES, NOT_FINITE } from "../generated/rules.mjs";

/** @import { ComparedRun } from "../generated/compare.d.ts" */

/** @typedef {readonly [number, number]} Range */

const MIDDLE = CODES / 2;

/**
 * Both runs' lowest and highest GAP of each layer over all images, and nought: one scale for both.
 * @param {Pick<ComparedRun, "low" | "high">} a
 * @param {Pick<ComparedRun, "low" | "high">} b
 * @returns {Range[]}
 */
export const rangesOf = (a, b) =>
  a.low.map((low, i) => [Math.min(0, low ?? 0, b.low[i] ?? 0), Math.max(0, a.high[i] ?? 0, b.high[i] ?? 0)]);

/** The range of all layers together. @param {readonly Range[]} ranges @returns {Range} */
export const wholeRange = (ranges) => [
  Math.min(...ranges.map(([low]) => low)),
  Math.max(...ranges.map(([, high]) => high)),
];

/**
 * A value's code: it grows with the square root, since most values are small beside the largest.
 * @param {number} value
 * @param {Range} range
 */
export function codeOf(value, [low, high]) {
  if (!Number.isFinite(value)) return NOT_FINITE;
  const share = high > low ? (value - low) / (high - low) : 0;
  return Math.round(Math.sqrt(Math.max(0, Math.min(1, share))) * CODES);
}

/**
 * The code of a difference, likewise to both sides of nought.
 * @param {number} value
 * @param {Range} range
 */
export function differenceCode(value, [low, high]) {
  if (!Number.isFinite(value)) return NOT_FINITE;
  const share = high > low ? Math.min(1, Math.abs(value) / (high - low)) : 0;
  return MIDDLE + Math.round(Math.sign(value) * Math.sqrt(share) * MIDDLE);
}
