/* The report on paper: every layer with its clusters, without controls. */
import { byId, element, paragraph, tableOf } from "../base/dom.mjs";
import { isFew } from "../base/few.mjs";
import { count } from "../base/format.mjs";
import { unexplained } from "../base/terms.mjs";
import * as ids from "../generated/ids.mjs";
import { clusterHeads, clusterRow } from "./clusters.mjs";
import { layerTable } from "./layers.mjs";
import { basis, page } from "./report.mjs";
import { stabilityOf } from "./stability.mjs";

/** @import { RedundancyPayload, ReportedLayer } from "../generated/redundancy.d.ts" */

/** @type {RedundancyPayload | null} */
let drawn = null;

/** @param {RedundancyPayload} report @param {ReportedLayer} layer */
function table(report, layer) {
  const rows = layer.clusters.map((cluster) => {
    const row = clusterRow(cluster, report);
    row.append(element("td", { class: "left paper-filters" }, cluster.filters.join(", ")));
    return row;
  });
  const head = element("th", { scope: "col", class: "left" }, "All its filters");
  return tableOf({ class: "figures paper-clusters" }, [...clusterHeads(), head], rows);
}

/** @param {RedundancyPayload} report @param {ReportedLayer} layer */
function section(report, layer) {
  const still = layer.constant ? `; ${count(layer.constant)} without variation` : "";
  const could = `${count(layer.couldGo)} of ${count(layer.filters)} filters could go`;
  const going = isFew(report.images) ? `${count(layer.filters)} filters` : could;
  const facts = `${count(layer.confirmed)} confirmed; ${going}${still}; effective rank ${layer.rank.toFixed(1)}.`;
  const stability = stabilityOf(report, layer);
  return element(
    "section",
    { class: "paper-layer" },
    element("h2", {}, layer.name),
    element("p", {}, stability ? `${facts} ${stability.verdict}` : facts),
    ...(layer.clusters.length ? [table(report, layer)] : []),
  );
}

/** Bring the paper in line with the report; `again` when more is known of the same one. */
export function drawPaper(again = false) {
  const { report } = page;
  if (report === drawn && !again) return;
  drawn = report;
  const place = byId(ids.REDUNDANCY_PAPER);
  if (!report) {
    place.replaceChildren();
    return;
  }
  const { run } = report;
  place.replaceChildren(
    element("h1", {}, `Redundant filters of ${run.model}`),
    paragraph(
      "paper-run",
      `Run ${run.id}, ${run.name}; checkpoint ${run.checkpoint}; images: ${run.source}.`,
    ),
    paragraph("paper-summary", report.summary),
    element(
      "p",
      {},
      `${basis(report)} (Leiden, constant Potts model). Intervals: Fisher, 95 %. A cluster is confirmed when the filters that stay explain all of its filters but one, to a share of τ or more of their variance on images that this was not fitted to.`,
    ),
    layerTable(report),
    ...report.layers.map((layer) => section(report, layer)),
  );
  unexplained(place);
}
