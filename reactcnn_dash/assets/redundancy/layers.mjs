/* The table of the layers: what each has, and which share of it could go. */
import { byId, element, span, tableOf } from "../base/dom.mjs";
import { count } from "../base/format.mjs";
import { markRows, walkRows } from "../base/rows.mjs";
import { explained, termButton } from "../base/terms.mjs";
import * as ids from "../generated/ids.mjs";
import { page } from "./report.mjs";
import { view } from "./view.mjs";

/** @import { RedundancyPayload, ReportedLayer } from "../generated/redundancy.d.ts" */

/** What stands in a row: of a layer, or of all of them. @typedef {Omit<ReportedLayer, "rank" | "clusters" | "position" | "height" | "width" | "stay" | "explained"> & { rank: number | null, clusters: { length: number } }} Row */

const RANK = "Eff. rank";

/** Heading, explanation and cell of each column. @type {[string, string, (row: Row) => number | string][]} */
const COLUMNS = [
  ["Filters", "Filters of the layer", (row) => row.filters],
  ["Dead", "Filters that are 0 on every image", (row) => row.dead],
  ["Constant", "Filters that never vary, the dead ones too", (row) => row.constant],
  ["r\u00a0>\u00a00.9", "Pairs of filters whose GAP values correlate above 0.9", (row) => row.pairs90],
  ["r\u00a0>\u00a00.95", "Pairs of filters whose GAP values correlate above 0.95", (row) => row.pairs95],
  [
    RANK,
    "Effective rank of the correlation matrix (Roy & Vetterli 2007)",
    (row) => (row.rank === null ? "" : row.rank.toFixed(1)),
  ],
  ["Clusters", "Clusters of two or more filters at τ", (row) => count(row.clusters.length)],
  ["Could go", "Filters that GAP values say could go", (row) => row.couldGo],
  [
    "Confirmed",
    "Filters whose maps the others explain at R² ≥ τ, on images that were not fitted",
    (row) => row.confirmed,
  ],
];
/** What rests on r, and so is no verdict from few images. */
const OF_R = new Set(["r\u00a0>\u00a00.9", "r\u00a0>\u00a00.95", RANK, "Clusters", "Could go"]);
const SHARE = "Share of the layer's filters that could go by GAP values; green: confirmed";

/** @param {Row} row */
function bar({ couldGo, filters, confirmed }) {
  const words = `${count(couldGo)} of ${count(filters)} filters could go, ${count(confirmed)} confirmed`;
  const part = (/** @type {string} */ kind, /** @type {number} */ n) => {
    const node = span(kind);
    node.style.width = `${((100 * n) / Math.max(1, filters)).toFixed(1)}%`;
    return node;
  };
  return element(
    "td",
    { class: "share-cell of-few" },
    element(
      "span",
      { class: "share", role: "img", "aria-label": words, title: words },
      part("share-going", couldGo),
      part("share-confirmed", confirmed),
    ),
    span("share-text", `${Math.round((100 * couldGo) / Math.max(1, filters))} %`),
  );
}

/** @param {readonly ReportedLayer[]} layers @returns {Row} */
function total(layers) {
  const sum = (/** @type {(layer: ReportedLayer) => number} */ of) =>
    layers.reduce((so_far, layer) => so_far + of(layer), 0);
  return {
    name: "All layers",
    rank: null,
    filters: sum((layer) => layer.filters),
    dead: sum((layer) => layer.dead),
    constant: sum((layer) => layer.constant),
    pairs90: sum((layer) => layer.pairs90),
    pairs95: sum((layer) => layer.pairs95),
    couldGo: sum((layer) => layer.couldGo),
    confirmed: sum((layer) => layer.confirmed),
    clusters: { length: sum((layer) => layer.clusters.length) },
  };
}

/** @param {Row} row @param {boolean} faint whether a nought is written faintly */
const cells = (row, faint) => [
  element("th", { scope: "row", title: row.name }, row.name),
  ...COLUMNS.map(([name, , of]) => {
    const value = of(row);
    const words = typeof value === "number" ? count(value) : value;
    const kind = `${OF_R.has(name) ? "of-few " : ""}${faint && value === 0 ? "nought" : ""}`;
    return element("td", { class: kind.trim() }, words);
  }),
];

/** The table of a report's layers, for the page or for paper. @param {RedundancyPayload} report */
export function layerTable({ layers }) {
  const head = (/** @type {string} */ name, /** @type {string} */ title, kind = "") =>
    element(
      "th",
      { scope: "col", title, class: kind },
      ...(name === RANK ? [termButton(name, "effective rank")] : explained(name)),
    );
  const all = total(layers);
  return tableOf(
    { class: "figures layers-table" },
    [
      head("Layer", "Name of the layer"),
      ...COLUMNS.map(([name, title]) => head(name, title)),
      head("Share", SHARE, "share-head"),
    ],
    layers.map((layer) => element("tr", { "data-key": layer.name }, ...cells(layer, true), bar(layer))),
    element("tr", {}, ...cells(all, false), bar(all)),
  );
}

/** The open layer, or null. */
export const openLayer = () => page.report?.layers.find((layer) => layer.name === view.now.layer) ?? null;

/** @type {RedundancyPayload | null} */
let drawn = null;

/** Bring the table in line with report and view. */
export function drawLayers() {
  const { report } = page;
  const place = byId(ids.REDUNDANCY_LAYERS);
  const other = report !== drawn;
  drawn = report;
  if (!report) {
    place.replaceChildren();
    return;
  }
  const hadFocus = other && place.contains(document.activeElement);
  if (other) {
    const table = layerTable(report);
    walkRows(table.tBodies[0], (name) =>
      view.set({ layer: name === view.now.layer ? null : name, cluster: null }),
    );
    place.replaceChildren(table);
  }
  const body = /** @type {HTMLElement} */ (place.querySelector("tbody"));
  markRows(body, view.now.layer);
  if (hadFocus) /** @type {HTMLElement} */ (body.querySelector("[tabindex='0']")).focus();
}
