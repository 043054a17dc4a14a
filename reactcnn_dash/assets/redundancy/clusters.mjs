/* The open layer: its clusters, each with its evidence. */
import { byId, copyButton, div, element, paragraph, span, tableOf, toolButton } from "../base/dom.mjs";
import { count, figure, filterAddress, interval, plural } from "../base/format.mjs";
import { livePage } from "../base/links.mjs";
import { notice } from "../base/notice.mjs";
import { markRows, rowOf, walkRows } from "../base/rows.mjs";
import { explained } from "../base/terms.mjs";
import * as ids from "../generated/ids.mjs";
import { LEAST_MAP_IMAGES } from "../generated/rules.mjs";
import { drawEvidence } from "./evidence.mjs";
import { explainedParts } from "./explained.mjs";
import { openLayer } from "./layers.mjs";
import { page } from "./report.mjs";
import { view } from "./view.mjs";

/** @import { RedundantCluster, RedundancyPayload, ReportedLayer } from "../generated/redundancy.d.ts" */

const HEADS = [
  ["Cluster", "Its number, as on the live page"],
  ["Verdict", "Confirmed when the filters that stay explain all of them but one"],
  ["Filters", "How many filters it has"],
  ["Mean r, 95 % interval", "Mean correlation of the GAP values inside, with Fisher's interval"],
  ["Lowest r", "Lowest correlation of GAP values inside"],
  [
    "Spatial r",
    "Lowest correlation, place by place, of a filter's feature maps with those of the one to keep",
  ],
  ["Keep", "The filter that stands for it best"],
];

let drawn = "";

/** @param {string} verdict */
const badge = (verdict) => span(`badge badge-${verdict}`, verdict);

/** What the maps say of a cluster, in a word or two. @param {RedundantCluster} cluster @param {RedundancyPayload} report */
function spatialText({ spatialR, mapImages }, report) {
  if (spatialR !== null) return figure(spatialR, 2);
  return report.mapImages ? `${plural(mapImages, "image")} only` : "no maps";
}

function hint() {
  return [
    element("h2", {}, "Which filters repeat each other?"),
    paragraph(
      "small",
      "Choose a layer: its clusters stand here, the tightest first, each with what speaks for it and against it.",
    ),
    paragraph(
      "small",
      "A ",
      badge("candidate"),
      " is alike by GAP values only. It is ",
      badge("confirmed"),
      " when the filters that stay explain the feature maps of those that go.",
    ),
  ];
}

/**
 * Why the verdict is what it is.
 * @param {RedundantCluster} cluster
 * @param {RedundancyPayload} report
 */
function reasonOf({ verdict, explained }, { threshold, explainedImages }) {
  if (!explainedImages) {
    return "A candidate: no feature maps are stored. Collect with --feature-maps all to look at them.";
  }
  if (!explained.length) {
    return `A candidate: the maps of ${plural(explainedImages, "image")} give no verdict; ${LEAST_MAP_IMAGES} are needed.`;
  }
  const known = explained.filter((one) => one !== null);
  const lowest = known.length ? figure(Math.min(...known), 2) : "–";
  if (verdict === "confirmed") {
    return `Confirmed: every filter's maps, but for one at most, are explained by those that stay, R² ${lowest} or more (τ = ${threshold}).`;
  }
  const stay = explained.length - known.length;
  const left = known.length ? `, and of the others the least is explained by R² ${lowest}` : "";
  return `A candidate: GAP values agree, but ${plural(stay, "filter")} of it must stay to explain the layer${left} (τ = ${threshold}).`;
}

/**
 * @param {RedundancyPayload} report
 * @param {ReportedLayer} layer
 * @param {RedundantCluster} cluster
 */
function detail(report, layer, cluster) {
  const { filters, keep, label } = cluster;
  const pictures = div("evidence");
  const copying = copyButton(
    `Copy ${plural(filters.length, "address", "addresses")}`,
    () => filters.map((filter) => filterAddress(layer.name, filter)).join("\n"),
    () => notice("The browser does not let this page copy. The JSON has the addresses, too."),
  );
  const href = livePage({
    run: report.run.id,
    layer: layer.name,
    method: report.method,
    parameter: report.threshold,
    cluster: label,
  });
  const small = (/** @type {string} */ text, kind = "small") => paragraph(kind, ...explained(text));
  const row = element(
    "tr",
    { class: "cluster-detail" },
    element(
      "td",
      { colspan: HEADS.length },
      small(reasonOf(cluster, report), "detail-reason"),
      small(
        `Mean r 95 % interval ${interval(cluster.mean95)}, lowest r ${interval(cluster.lowest95)} (Fisher, ${count(report.images)} images).`,
      ),
      small(`Filters ${filters.join(", ")}; ${keep} would stay.`, "small detail-filters"),
      div(
        "detail-tools",
        copying,
        element("a", { class: "text-button link-button", href }, "Show in the live page"),
      ),
      pictures,
    ),
  );
  drawEvidence(pictures, report, layer, cluster);
  return row;
}

/**
 * A cluster's row.
 * @param {RedundantCluster} cluster
 * @param {RedundancyPayload} report
 */
export function clusterRow(cluster, report) {
  const swatch = span("swatch");
  swatch.style.background = cluster.colour;
  return element(
    "tr",
    { "data-key": cluster.label },
    element("th", { scope: "row" }, span("cluster-name", swatch, String(cluster.label))),
    element("td", { class: "left" }, badge(cluster.verdict)),
    element("td", {}, count(cluster.filters.length)),
    element(
      "td",
      { class: "of-few" },
      figure(cluster.mean, 2),
      span("interval", ` ${interval(cluster.mean95)}`),
    ),
    element("td", { class: "of-few" }, figure(cluster.lowest, 2)),
    element(
      "td",
      {
        title:
          cluster.spatialR === null
            ? ""
            : `Lowest of the filters, over ${plural(cluster.mapImages, "image")}`,
      },
      spatialText(cluster, report),
    ),
    element("td", {}, String(cluster.keep)),
  );
}

export const clusterHeads = () =>
  HEADS.map(([name, title], i) =>
    element("th", { scope: "col", title, class: i === 1 ? "left" : "" }, ...explained(name)),
  );

/** @param {RedundancyPayload} report @param {ReportedLayer} layer */
function table(report, { clusters }) {
  const rows = clusters.map((cluster) => clusterRow(cluster, report));
  const made = tableOf({ class: "figures clusters-table" }, clusterHeads(), rows);
  walkRows(made.tBodies[0], (key) =>
    view.set({ cluster: Number(key) === view.now.cluster ? null : Number(key) }),
  );
  return made;
}

/** @param {RedundancyPayload} report @param {ReportedLayer} layer */
function openLayerParts(report, layer) {
  const { clusters, name } = layer;
  const doubles = clusters.reduce((sum, cluster) => sum + cluster.filters.length, 0);
  const text = clusters.length
    ? `${plural(clusters.length, "cluster")} of ${plural(doubles, "filter")}`
    : "no filters that repeat each other";
  const shut = () => view.set({ layer: null, cluster: null });
  const close = toolButton("close", "Close the layer", shut, { title: "Close the layer (Escape)" });
  return [
    div("layer-head", element("h2", {}, `${name}: ${text} at τ = ${report.threshold}`), close),
    ...explainedParts(report, layer),
    ...(clusters.length ? [table(report, layer)] : []),
  ];
}

/**
 * @param {HTMLElement} place
 * @param {RedundancyPayload} report
 * @param {ReportedLayer} layer
 */
function markCluster(place, report, layer) {
  const body = place.querySelector(".clusters-table tbody");
  if (!body) return;
  const key = view.now.cluster === null ? null : String(view.now.cluster);
  markRows(body, key);
  const open = body.querySelector(".cluster-detail");
  const row = rowOf(body, key);
  if (open && open.previousElementSibling === row) return;
  open?.remove();
  const cluster = layer.clusters.find((one) => one.label === view.now.cluster);
  if (!row || !cluster) return;
  row.after(detail(report, layer, cluster));
  row.scrollIntoView({ block: "nearest" });
}

/** Bring the open layer in line with report and view. */
export function drawLayer() {
  const place = byId(ids.REDUNDANCY_LAYER);
  const layer = openLayer();
  const { report } = page;
  const key = report
    ? JSON.stringify(layer && [report.run.uuid, report.threshold, report.images, layer.name])
    : "";
  if (key !== drawn) {
    drawn = key;
    place.replaceChildren(...(report ? (layer ? openLayerParts(report, layer) : hint()) : []));
    place.scrollTop = 0;
  }
  if (report && layer) markCluster(place, report, layer);
}
