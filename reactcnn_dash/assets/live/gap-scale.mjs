/* GAP codes as values and as colours (see frames.py): a code grows with the square root of the value. */
import { CODES, NOT_FINITE } from "../generated/rules.mjs";

/** The values at the ends of a layer's scale, or of the whole network's. @typedef {readonly [number, number]} Range */

/** @param {number} code @param {Range} range */
export const gapOf = (code, [low, high]) => low + (code / CODES) ** 2 * (high - low);

/**
 * The table from code to colour code of a layer on a scale.
 * @param {Range} own the layer's
 * @param {Range} scale
 */
export function colourTable(own, [from, to]) {
  const span = to - from;
  const table = Uint8Array.from({ length: CODES + 1 }, (_, code) => {
    const share = span > 0 ? (gapOf(code, own) - from) / span : 0;
    return Math.round(Math.sqrt(Math.max(0, share)) * CODES);
  });
  return Uint8Array.of(...table, NOT_FINITE);
}

/** From the lowest to the highest value of any layer. @param {{ low: readonly number[], high: readonly number[] }} image @returns {Range} */
export const networkRange = ({ low, high }) => [Math.min(...low), Math.max(...high)];
