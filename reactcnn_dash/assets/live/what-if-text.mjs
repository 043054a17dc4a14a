/* Filters that are switched off, as the text that stands in the address: `8:3,17;9:0`, a layer's
   position and its filters. Pure. */

/** Filters by the position of their layer, both in order. @typedef {Map<number, number[]>} Off */

const PART = /^(\d{1,5}):(\d{1,6}(?:,\d{1,6})*)$/;

/**
 * A text as filters; what the network has not is left out.
 * @param {string | null} text
 * @param {readonly { filters: number }[]} layers
 * @returns {Off}
 */
export function parseOff(text, layers) {
  /** @type {Off} */
  const off = new Map();
  for (const part of (text ?? "").split(";")) {
    const found = PART.exec(part);
    const most = found ? (layers[Number(found[1])]?.filters ?? 0) : 0;
    const filters = (found?.[2] ?? "")
      .split(",")
      .map(Number)
      .filter((filter) => filter < most);
    if (found && filters.length) add(off, Number(found[1]), filters);
  }
  return sorted(off);
}

/** @param {Off} off @returns {string | null} null when nothing is off */
export const offText = (off) =>
  [...sorted(off)].map(([layer, filters]) => `${layer}:${filters.join(",")}`).join(";") || null;

/** How many filters are off. @param {Off} off */
export const countOff = (off) => [...off.values()].reduce((sum, filters) => sum + filters.length, 0);

/**
 * The same with some filters of a layer off, or, where all of them are off already, on again.
 * @param {Off} off
 * @param {number} layer
 * @param {readonly number[]} filters
 * @returns {Off}
 */
export function toggled(off, layer, filters) {
  const before = off.get(layer) ?? [];
  const after = new Map(off);
  if (filters.every((filter) => before.includes(filter))) {
    after.set(
      layer,
      before.filter((filter) => !filters.includes(filter)),
    );
  } else add(after, layer, filters);
  return sorted(after);
}

/** @param {Off} off @param {number} layer @param {readonly number[]} filters */
function add(off, layer, filters) {
  off.set(layer, [...new Set([...(off.get(layer) ?? []), ...filters])]);
}

/** @param {Off} off @returns {Off} */
const sorted = (off) =>
  new Map(
    [...off]
      .filter(([, filters]) => filters.length)
      .sort(([a], [b]) => a - b)
      .map(([layer, filters]) => [layer, [...filters].sort((a, b) => a - b)]),
  );
