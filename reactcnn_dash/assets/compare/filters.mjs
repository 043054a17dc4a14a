/* The filters of the chosen layer: asked for once, shown as a table. */
import { fillPlace, setProps } from "../base/dash.mjs";
import { setText } from "../base/dom.mjs";
import { count } from "../base/format.mjs";
import * as ids from "../generated/ids.mjs";
import { CONFIDENT_MARGIN, CONFIDENT_R } from "../generated/rules.mjs";
import { asked, asker, chosenLayer } from "./comparison.mjs";
import { buildFlow, drawFlow, forgetFlow } from "./flow.mjs";
import { ofLayer } from "./view.mjs";

/** @import { Compared, LayerFilters } from "../generated/compare.d.ts" */

let shown = "";

const ask = asker("layer", take);

/** @param {LayerFilters} said @param {number} filter */
function verdict({ match, r, sure }, filter) {
  if (match[filter] < 0) return "none";
  if (sure[filter]) return "sure";
  return (r[filter] ?? 0) < CONFIDENT_R ? "weak" : "ambiguous";
}

/** @param {LayerFilters} said @param {number} filter */
function stateOf({ died, alive, a, b }, filter) {
  if (died.includes(filter)) return "died";
  if (alive.includes(filter)) return "came alive";
  if (a[filter] < 0) return b[filter] < 0 ? "constant" : "constant in A";
  return b[filter] < 0 ? "constant in B" : "";
}

/** @param {LayerFilters} said */
export const rowsOf = (said) =>
  said.same.map((same, filter) => {
    const numbered = (/** @type {number} */ value) => (value < 0 ? null : value);
    return {
      id: String(filter),
      filter,
      same,
      match: numbered(said.match[filter]),
      r: said.r[filter],
      margin: said.margin[filter],
      sure: verdict(said, filter),
      a: numbered(said.a[filter]),
      b: numbered(said.b[filter]),
      state: stateOf(said, filter),
    };
  });

/** @param {LayerFilters} said */
function caption({ same, sure, match, leftOut: [a, b] }) {
  const sures = sure.reduce((sum, one) => sum + one, 0);
  const kept = match.filter((other, filter) => other === filter).length;
  return (
    `${count(same.length)} filters: ${count(sures)} with a sure match (r ≥ ${CONFIDENT_R}, ` +
    `margin ≥ ${CONFIDENT_MARGIN}), ${count(kept)} matched with the filter of their own number, ` +
    `${count(a)} of A and ${count(b)} of B never vary.`
  );
}

/** @param {LayerFilters} said @param {Compared} found */
async function take(said, found) {
  setText(ids.COMPARE_FILTERS_CAPTION, caption(said));
  buildFlow(said, chosenLayer(found));
  drawFlow();
  const mine = shown;
  await fillPlace(ids.COMPARE_FILTERS_PLACE);
  if (mine === shown) setProps(ids.COMPARE_FILTERS, { rowData: rowsOf(said) });
}

/** Bring the filters in line with the view. @param {Compared} found */
export function drawFilters(found) {
  if (!ofLayer()) return;
  const { name } = chosenLayer(found);
  const key = JSON.stringify([asked(), name]);
  if (key !== shown) {
    shown = key;
    forgetFlow();
    ask({ layer: name });
  }
  drawFlow();
}

export function forgetFilters() {
  shown = "";
  forgetFlow();
}
