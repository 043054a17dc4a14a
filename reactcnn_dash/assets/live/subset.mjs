/* The clusters of chosen images beside those of the whole run. */
import { setProps, tableOf } from "../base/dash.mjs";
import { byId, span } from "../base/dom.mjs";
import { count, figure } from "../base/format.mjs";
import { explained } from "../base/terms.mjs";
import * as ids from "../generated/ids.mjs";
import { known } from "./clusters.mjs";
import { search } from "./search.mjs";
import { searchWords, subsetOf } from "./search-text.mjs";
import { layers, pinned, shown } from "./shown.mjs";
import { view } from "./view.mjs";

/** @import { Clusters } from "../generated/live.d.ts" */

/** The subset that can be switched to, of which run, and how it is called. */
/** @type {string | null} */
let offered = null;
/** @type {string | null} */
let offeredRun = null;
let label = "These images";

/** Cluster over the images of the open search; opens the pinned filter's layer or the last. */
export function clusterSearch() {
  const all = layers();
  if (!search.total || !all.length) return;
  const layer = view.now.layer ?? all[pinned()?.layer ?? all.length - 1].name;
  view.set({ subset: subsetOf(view.now.search), layer });
}

/** Switch between the whole run ("") and the chosen images. @param {string} value */
export function chooseSubset(value) {
  if (value && offered && view.now.subset === null) view.set({ subset: offered });
  else if (!value && view.now.subset !== null) view.set({ subset: null });
}

/** What a subset is of, in words. @param {string} subset */
export const subsetWords = (subset) => searchWords(subset, shown.model?.classes ?? []);

/** @param {string} name @param {...string} values one for both, or one each */
const cells = (name, ...values) => [
  span("name", ...explained(name)),
  ...values.map((value) => span(values.length === 1 ? "wide of-few" : "of-few", value)),
];

/** The whole run's figures and the subset's, side by side. @param {Clusters | null} clusters */
function drawBeside(clusters) {
  const place = byId(ids.BESIDE);
  if (!clusters?.beside || !clusters.subset) {
    place.replaceChildren();
    return;
  }
  const { beside } = clusters;
  place.replaceChildren(
    span("name", subsetWords(clusters.subset)),
    span("head", "whole run"),
    span("head", "these"),
    ...cells("images", count(beside.images), count(clusters.chosen)),
    ...cells("clusters of two or more", count(beside.clusters), count(clusters.clusters)),
    ...cells("mean r inside", figure(beside.mean), figure(beside.subsetMean)),
    ...cells("agreement (ARI)", figure(beside.agreement)),
  );
}

/** Bring the switch in line with the view. */
export function drawSubsetControls() {
  const { subset } = view.now;
  const run = shown.run?.uuid ?? null;
  if (subset !== null) {
    offered = subset;
    offeredRun = run;
  } else if (offeredRun !== run) {
    offered = null;
  }
  byId(ids.SUBSET).hidden = offered === null;
  byId(ids.PANEL).classList.toggle("subset", subset !== null);
  byId(ids.BESIDE).hidden = subset === null;
  if (offered === null) return;
  const clusters = known();
  if (clusters?.subset === offered) label = `These ${count(clusters.chosen)} images`;
  const data = [
    { value: "", label: "Whole run" },
    { value: "these", label },
  ];
  setProps(ids.SUBSET_SWITCH, { data, value: subset === null ? "" : "these" });
}

/** Bring the panel in line with its clusters: of a subset, or of the whole run. */
export function drawSubset() {
  drawSubsetControls();
  drawBeside(known());
}

/** Show which filters are together in the whole run, too, beside a subset's clusters. */
export async function showTogether() {
  const table = await tableOf(ids.CLUSTER_TABLE);
  table.setColumnsVisible(["together"], Boolean(known()?.beside));
}
