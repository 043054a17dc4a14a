/* The head: which filter this is, how it stands, and the way to its neighbours by number. */
import { setProps } from "../base/dash.mjs";
import { byId, copy, div, element, link, setText } from "../base/dom.mjs";
import { count, filterAddress, numberOrDash } from "../base/format.mjs";
import { livePage } from "../base/links.mjs";
import { explained } from "../base/terms.mjs";
import * as ids from "../generated/ids.mjs";
import { classOf, facts, known, layerName } from "./facts.mjs";
import { view } from "./view.mjs";

/** @import { FilterFacts, FilterState } from "../generated/filter.d.ts" */

let layersOf = "";

/** @param {string} name @param {string} value @param {string} more @param {string} [kind] */
const card = (name, value, more, kind = "") =>
  div(
    `fact ${kind}`.trim(),
    div("fact-name", ...explained(name)),
    div("fact-value", value),
    element("div", { class: "fact-more", title: more }, more),
  );

/** @param {FilterState} state */
function standing({ images, dead, constant, low }) {
  const all = `on all ${count(images)} images`;
  if (dead) return ["Dead", `0 ${all}`, "alarm"];
  if (constant) return ["Constant", `${numberOrDash(low)} ${all}`, "alarm"];
  return ["Active", `it varies over ${count(images)} images`, ""];
}

/** @param {FilterFacts} of */
function selectivity(of) {
  const { favourite, selectivity: value, images, means } = of.classes;
  if (favourite === null || value === null) return ["–", `no two classes among ${count(images)} images`];
  return [value.toFixed(2), `most for ${classOf(of, favourite)}, mean ${numberOrDash(means[favourite])}`];
}

/** Draw the head and bring the controls in line. */
export function drawHead() {
  const of = known();
  const { run, layers, layer, filter, state } = of;
  const [name, filters] = layers[layer];
  const address = filterAddress(name, filter);
  document.title = `${address} · ReactCNN`;
  const [stands, why, kind] = standing(state);
  const [selective, whom] = selectivity(of);
  const spread = state.deviation === null ? "" : `standard deviation ${numberOrDash(state.deviation)}`;
  byId(ids.FILTER_HEAD).replaceChildren(
    card("Filter", address, `${run.model}, layer ${layer + 1} of ${layers.length}`, "address"),
    card("State", stands, why, kind),
    card("Mean GAP", numberOrDash(state.mean), spread),
    card("Lowest to highest", `${numberOrDash(state.low)} – ${numberOrDash(state.high)}`, "GAP over the run"),
    card("Class selectivity", selective, whom),
  );
  const names = JSON.stringify(layers);
  if (names !== layersOf) {
    layersOf = names;
    setProps(ids.FILTER_LAYER, { data: layers.map(([one]) => ({ value: one, label: one })) });
  }
  setProps(ids.FILTER_LAYER, { value: name });
  setProps(ids.FILTER_NUMBER, { value: filter, max: filters - 1 });
  setText(ids.FILTER_OF, `of ${count(filters)}`);
  link(ids.FILTER_LIVE).href = livePage({ run: run.id, layer: name, filter: address });
  const epoch = run.epoch === null || run.name.includes(`epoch ${run.epoch}`) ? null : `epoch ${run.epoch}`;
  const still = run.renewedAt === null ? null : "still collecting";
  const parts = [run.name, epoch, `${count(run.stored)} images`, still];
  setText(ids.FILTER_RUN, parts.filter(Boolean).join(" · "));
}

/** Go to the filter so many further on in the layer; from the last to the first. @param {number} by */
export function stepFilter(by) {
  if (!facts.now) return;
  const { run, layers, layer, filter } = facts.now;
  const [name, filters] = layers[layer];
  // From where the view is, not the answer: a key that is held down goes on at once.
  const from = view.now.layer === name ? (view.now.filter ?? 0) : filter;
  view.set({ run: run.id, layer: name, filter: (from + by + filters) % filters });
}

export async function copyAddress() {
  if (!facts.now) return;
  await copy(filterAddress(layerName(facts.now), facts.now.filter));
  setText(ids.FILTER_COPY, "Copied");
  window.setTimeout(() => setText(ids.FILTER_COPY, "Copy address"), 1500);
}
