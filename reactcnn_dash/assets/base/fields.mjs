/* Receptive fields: which part of an image a cell of a feature map sees. Pure. */

/** Size, stride and start in pixels along height and width; the whole image; null where it is not known. @typedef {number[][] | "whole" | null} Field */

/** A part of an image, in shares of its height and width. @typedef {{ top: number, left: number, bottom: number, right: number }} Part */

/**
 * The part of the image that a cell sees; null where that is not known.
 * @param {Field | undefined} field
 * @param {readonly [number, number]} cell its row and column
 * @param {readonly number[]} shape height and width of the image
 * @returns {Part | null}
 */
export function partOf(field, cell, shape) {
  if (!field) return null;
  if (field === "whole") return { top: 0, left: 0, bottom: 1, right: 1 };
  const [rows, columns] = field.map(([size, stride, start], i) => {
    const first = start + cell[i] * stride;
    return [Math.max(0, first) / shape[i], Math.min(shape[i], first + size) / shape[i]];
  });
  return { top: rows[0], bottom: rows[1], left: columns[0], right: columns[1] };
}

/**
 * The cell where a map is largest, as row and column.
 * @param {{ codes: Uint8Array, width: number }} map
 * @returns {[number, number]}
 */
export function strongest({ codes, width }) {
  let best = 0;
  codes.forEach((code, i) => {
    if (code > codes[best]) best = i;
  });
  return [Math.floor(best / width), best % width];
}
