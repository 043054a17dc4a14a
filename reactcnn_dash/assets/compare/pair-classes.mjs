/* Which classes of an image in two runs are shown. Pure. */

/** @import { ImagePair } from "../generated/compare.d.ts" */

const MOST_CLASSES = 10;

/** What the image is, as far as a run knows. @param {ImagePair} pair */
export const labelOf = ({ a, b }) => a.label ?? b.label;

/**
 * The classes with a bar: all, or the likeliest and the true one.
 * @param {ImagePair} pair
 */
export function shownClasses(pair) {
  const { a, b } = pair;
  const longer = a.probabilities.length < b.probabilities.length ? b : a;
  const all = longer.probabilities.map((_, i) => i);
  if (all.length <= MOST_CLASSES) return all;
  const most = (/** @type {number} */ i) => Math.max(a.probabilities[i] ?? 0, b.probabilities[i] ?? 0);
  const likeliest = all.sort((i, j) => most(j) - most(i)).slice(0, MOST_CLASSES);
  const label = labelOf(pair);
  if (label !== null && !likeliest.includes(label)) likeliest[MOST_CLASSES - 1] = label;
  return likeliest;
}
