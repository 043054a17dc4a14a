/* The cluster flow as numbers: which clusters of A go to which of B. Pure. */

/** @import { LayerFilters } from "../generated/compare.d.ts" */

/** One of the two runs. @typedef {"a" | "b"} Side */

/** Filters of a group: a cluster's number, all that are alone, or all that never vary. @typedef {[string, number[]]} Group */

/**
 * `groups` of each filter, `nodes` of each side in order, and filters of the bands "from>to" in order.
 * @typedef {object} Flow
 * @property {Record<Side, string[]>} groups
 * @property {Record<Side, Group[]>} nodes
 * @property {Map<string, number[]>} bands
 */

export const SINGLE = "single";
export const CONSTANT = "constant";

/** Where each filter stands. @param {readonly number[]} labels */
export function groupsOf(labels) {
  /** @type {Map<number, number>} */
  const sizes = new Map();
  for (const label of labels) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  return labels.map((label) => {
    if (label < 0) return CONSTANT;
    return (sizes.get(label) ?? 0) > 1 ? String(label) : SINGLE;
  });
}

/** @param {string} group */
const rank = (group) => (group === CONSTANT ? 1e9 : group === SINGLE ? 1e8 : Number(group));

/** @param {readonly string[]} keys @returns {Map<string, number[]>} */
const gathered = (keys) => Map.groupBy(keys.keys(), (at) => keys[at]);

/** @param {readonly string[]} groups @returns {Group[]} */
const ordered = (groups) => [...gathered(groups)].sort(([one], [other]) => rank(one) - rank(other));

/**
 * Lay out a layer's clusters in both runs.
 * @param {LayerFilters} said
 * @returns {Flow}
 */
export function flowOf(said) {
  const groups = { a: groupsOf(said.a), b: groupsOf(said.b) };
  const bands = gathered(groups.a.map((from, filter) => `${from}>${groups.b[filter]}`));
  const ends = (/** @type {string} */ band) => band.split(">").map(rank);
  const sorted = [...bands].sort(([one], [other]) => {
    const [from, to] = ends(one);
    const [otherFrom, otherTo] = ends(other);
    return from - otherFrom || to - otherTo;
  });
  return { groups, nodes: { a: ordered(groups.a), b: ordered(groups.b) }, bands: new Map(sorted) };
}

/**
 * The filters behind what is selected, as in "a:3", "b:single" or "a:3>b:5"; null for nothing.
 * @param {Flow} flow
 * @param {string | null} text
 */
export function filtersOf({ groups, bands }, text) {
  const found = /^(?:a:([^>]+)>b:(.+)|([ab]):(.+))$/.exec(text ?? "");
  if (!found) return null;
  const [, from, to, side, key] = found;
  if (!side) return bands.get(`${from}>${to}`) ?? null;
  return groups[/** @type {Side} */ (side)].flatMap((one, filter) => (one === key ? [filter] : []));
}

/**
 * Whether a node or band is what is selected, or a band that leaves or reaches it.
 * @param {string} text
 * @param {string} chosen
 */
export const belongs = (text, chosen) =>
  text === chosen || text.startsWith(`${chosen}>`) || text.endsWith(`>${chosen}`);
