/* Where a sheet of tiles fits beside the blocks of a grid. Pure: numbers in, numbers out. */

/** @import { Geometry } from "./geometry.mjs" */

/** @typedef {{ left: number, top: number, width: number, height: number }} Box */
/** Square tiles of a size, a gap included, so many in a row. @typedef {{ size: number, columns: number }} Tiling */

const MARGIN = 8;
const LARGEST = 76;
/** Below, nobody tells one map from another. */
export const LEAST = 9;

/**
 * The largest tiles of which so many fit into a box.
 * @param {number} n
 * @param {number} width
 * @param {number} height
 * @param {number} [least] smaller ones are none: what does not fit is scrolled
 * @returns {Tiling}
 */
export function tile(n, width, height, least = 1) {
  for (let size = LARGEST; size > least; size--) {
    const columns = Math.floor(width / size);
    if (columns > 0 && Math.ceil(n / columns) * size <= height) return { size, columns };
  }
  return { size: least, columns: Math.max(1, Math.floor(width / least)) };
}

/**
 * The empty part of the window on a grid, above or below some of its blocks, that shows n tiles largest.
 * @param {Geometry} geometry
 * @param {{ left: number, top: number, width: number, height: number, end: number }} window what is in
 *   sight of the grid, in its own pixels; `end` is where below the blocks something stands again
 * @param {number} n
 * @param {number} head the height of what stands above the tiles
 * @param {Box | null} [kept] what is to stay free above the blocks, in the grid's pixels
 * @returns {Box | null} in pixels of the window; null where tiles would be too small
 */
export function emptyRoom({ blocks, label }, window, n, head, kept = null) {
  const right = window.left + window.width;
  const seen = blocks.filter((block) => block.x + block.width > window.left && block.x < right);
  /** @type {Box | null} */
  let best = null;
  let largest = LEAST - 1;
  const consider = (/** @type {Box} */ box) => {
    const { size } = tile(n, box.width - 2 * MARGIN, box.height - head - MARGIN);
    if (size <= largest) return;
    largest = size;
    best = box;
  };
  for (let first = 0; first < seen.length; first++) {
    let bottom = 0;
    let top = Number.POSITIVE_INFINITY;
    const before = seen[first - 1];
    const from = before ? before.x + before.width + MARGIN : window.left;
    for (let last = first; last < seen.length; last++) {
      bottom = Math.max(bottom, seen[last].y + seen[last].height);
      top = Math.min(top, seen[last].y - label);
      const after = seen[last + 1];
      const width = (after ? after.x - MARGIN : right) - from - MARGIN;
      const left = from - window.left + MARGIN / 2;
      const below = bottom + MARGIN - window.top;
      consider({ left, top: below, width, height: window.end - window.top - below - MARGIN });
      const beside = !kept || kept.left > from + width || kept.left + kept.width < from;
      const above = beside ? top : Math.min(top, kept.top);
      consider({ left, top: MARGIN / 2, width, height: above - window.top - MARGIN });
    }
  }
  return best;
}
