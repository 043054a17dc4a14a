/* The filter's cluster by each method, with its other filters. */
import { ask } from "../base/asker.mjs";
import { byId, div, element, paragraph, span } from "../base/dom.mjs";
import { count, figure, filterAddress, withoutCluster } from "../base/format.mjs";
import { livePage } from "../base/links.mjs";
import { reason } from "../base/notice.mjs";
import * as ids from "../generated/ids.mjs";
import { METHODS } from "../generated/rules.mjs";
import { known, layerName } from "./facts.mjs";
import { filterLink, view } from "./view.mjs";

/** @import { FilterCluster } from "../generated/filter.d.ts" */

/** @param {FilterCluster} found */
function what({ cluster, size = 1, meanR, lowestR }) {
  const none = withoutCluster(cluster, size);
  if (none) return none;
  return `cluster ${cluster} · ${count(size)} filters · mean r ${figure(meanR, 2)}, lowest ${figure(lowestR, 2)}`;
}

/** @param {string} method @param {FilterCluster} found */
function part(method, found) {
  const { run } = known();
  const name = layerName(known());
  const { size = 1 } = found;
  const href = livePage({ run: run.id, layer: name, cluster: size > 1 ? found.cluster : null, method });
  const members = (found.members ?? []).map((filter) =>
    filterLink(
      run.id,
      name,
      filter,
      { class: "chip", title: `${filterAddress(name, filter)}: open its page` },
      String(filter),
    ),
  );
  const rest = size - 1 - members.length;
  const more = rest > 0 ? span("small", `and ${count(rest)} more`) : null;
  return [
    div(
      "cluster-head",
      element("span", {}, element("strong", {}, found.method), ` ${found.symbol} = ${found.parameter}`),
      element("a", { href, class: "plain-link" }, "on the live page"),
    ),
    paragraph("small", what(found)),
    ...(members.length ? [div("chips", ...members, more)] : []),
  ];
}

/** @param {string} method @param {HTMLElement} place @param {() => boolean} still */
async function load(method, place, still) {
  try {
    const found = await ask("/filters/clusters", { ...view.now, method });
    if (still()) place.replaceChildren(...part(method, found));
  } catch (error) {
    if (still()) place.replaceChildren(paragraph("small", reason(error)));
  }
}

/** Ask for the clusters; a layer that was never clustered takes a moment. @param {() => boolean} still */
export function loadClusters(still) {
  const places = Object.keys(METHODS).map((method) => {
    const place = element(
      "div",
      { class: "cluster-part", "data-method": method },
      paragraph("small waiting", "Clustering the layer …"),
    );
    load(method, place, still);
    return place;
  });
  byId(ids.FILTER_CLUSTERS).replaceChildren(...places);
}
