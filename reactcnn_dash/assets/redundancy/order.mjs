/* Which of a cluster's filters are shown, in which order. Pure. */

/** @import { RedundantCluster } from "../generated/redundancy.d.ts" */

const MOST = 24;

/** The filter to keep first, then those that agree with it least: they decide. @param {RedundantCluster} cluster */
export function order({ filters, keep, spatial }) {
  const agreement = new Map(filters.map((filter, i) => [filter, spatial[i] ?? -2]));
  const others = filters.filter((filter) => filter !== keep);
  others.sort((one, other) => (agreement.get(one) ?? 0) - (agreement.get(other) ?? 0));
  return [keep, ...others].slice(0, MOST);
}
