/* How much an image and its layers stand out, in order and in words. Pure. */
import { count, figure, share, signed } from "../base/format.mjs";

/** @import { OddImage, OddLayer } from "../generated/live.d.ts" */

/** Shares of usual images that are as far off, at which a layer stands out more and more. */
const LEVELS = [0.002, 0.01, 0.05];

/** How much a layer stands out, from 0 (usual) to 3. @param {OddLayer} layer */
export const levelOf = ({ tail }) => LEVELS.filter((one) => tail <= one).length;

/** @param {OddLayer} layer */
export const strangenessText = ({ strangeness }) =>
  strangeness === null ? "∞" : signed(strangeness).replace("+", "");

/** @param {OddLayer} layer */
export const wordsOf = (layer) =>
  `strangeness ${strangenessText(layer)} (0 is usual); ${share(layer.tail)} of usual images are as far off in this layer`;

/** Layers with their positions, from the one that stands out most. @param {readonly OddLayer[]} layers */
export const ranked = (layers) =>
  layers
    .map((layer, index) => ({ ...layer, index }))
    .sort(
      (a, b) =>
        a.tail - b.tail ||
        (b.strangeness ?? Number.POSITIVE_INFINITY) - (a.strangeness ?? Number.POSITIVE_INFINITY) ||
        a.index - b.index,
    );

/**
 * The image's score in words: in short, the rest, and whether it is odd.
 * @param {Pick<OddImage, "score" | "threshold">} found
 * @param {number} rate of false alarms
 * @returns {[string, string, boolean]}
 */
export function verdict({ score, threshold }, rate) {
  if (score === null) return ["Odd: ", "it has values that are NaN or infinite.", true];
  const value = figure(score, 2);
  if (threshold === null) {
    const needed = count(Math.round(2 / rate));
    return [
      `${value}. `,
      `At ${100 * rate} % false alarms no threshold can be told from so few images; it takes about ${needed}.`,
      false,
    ];
  }
  const odd = score > threshold;
  const cases = `${Number((100 * (1 - rate)).toFixed(1))} % of cases`;
  return [
    `${odd ? "Odd" : "Usual"}: ${value}. `,
    `Usual images stay below ${figure(threshold, 2)} in ${cases}.`,
    odd,
  ];
}
