/* The cluster panel of one layer, and the cluster that is red in the grid. */
import { redness } from "../base/colours.mjs";
import { fillPlace, setProps, show, showParameter, tableOf } from "../base/dash.mjs";
import { byId, copyButton, div, element, paragraph, setText } from "../base/dom.mjs";
import { FORMULA, fewWords, greyFew } from "../base/few.mjs";
import { count, plural, withoutCluster } from "../base/format.mjs";
import { notice } from "../base/notice.mjs";
import { setExplained } from "../base/terms.mjs";
import * as ids from "../generated/ids.mjs";
import { METHODS, NORMAL_95 } from "../generated/rules.mjs";
import { grid } from "./grid.mjs";
import { move, openPage, pin } from "./pointer.mjs";
import { followSheet } from "./sheet.mjs";
import { address, filterText, layers, openIndex, shown } from "./shown.mjs";
import { drawSubset, drawSubsetControls, showTogether } from "./subset.mjs";
import { view } from "./view.mjs";
import { followWhatIf } from "./what-if.mjs";

/** @import { At } from "../base/grid.mjs" */
/** @import { Clusters, ClustersAnswer, ClustersAsked, ClustersRefused, ClustersRequest } from "../generated/live.d.ts" */

const FIT_PADDING = 12;
/** A node's own size, and the least that it has on the screen, in pixels, however many there are. */
const NODE = 24;
const LEAST_NODE = 8;
const LATE_MS = 120000;

/** The clusters that the panel shows, or why there are none; null before the first. */
export const panel = {
  /** @type {Clusters | ClustersRefused | null} */
  clusters: null,
};
let number = 0;
/** @type {string | null} */
let busyWith = null;
let askedAt = 0;
let triedAt = -1;
/** The graph's own style, once it stands. @type {any[] | null} */
let baseStyle = null;
/** @type {number | null} */
let tableRow = null;
let retried = "";
let inPlace = false;
/** @type {any} */
let heard = null;

/** The clusters that are known, or null. */
export const known = () => {
  const { clusters } = panel;
  return clusters && "labels" in clusters && clusters.run === shown.run?.id ? clusters : null;
};

/** The clusters of the open layer if they are known. */
export const openClusters = () => {
  const clusters = known();
  return clusters && clusters.layer === openIndex() ? clusters : null;
};

/** What the panel should show, or null. @returns {ClustersAsked | null} */
function wanted() {
  const layer = openIndex();
  if (layer < 0 || !shown.run) return null;
  const { method, parameter, subset } = view.now;
  return { run: shown.run.id, layer, method, asked: parameter, subset };
}

/** @param {ClustersAsked | null} clusters */
const keyOf = (clusters) =>
  clusters &&
  JSON.stringify([clusters.run, clusters.layer, clusters.method, clusters.asked, clusters.subset]);

/** Whether enough images came since to cluster again. @param {Clusters | ClustersRefused} clusters */
function outgrown(clusters) {
  const { stored, state } = shown.run ?? { stored: 0, state: "" };
  if ("message" in clusters) return stored > triedAt;
  return state === "collecting" ? stored >= clusters.renewedAt : stored > clusters.stored;
}

/** The graph's own interface (Cytoscape), once it stands. @returns {any} */
export const graph = () => /** @type {any} */ (document.getElementById(ids.GRAPH))?._cyreg?.cy;

/** Graph and table with the libraries that they take, in the panel; fetched once. */
export async function preparePanel() {
  await Promise.all([fillPlace(ids.GRAPH_PLACE), fillPlace(ids.TABLE_PLACE)]);
  await tableOf(ids.CLUSTER_TABLE);
  inPlace = true;
}

/** Ask for the clusters that the panel should show, if they are not here and nothing is under way. */
export function pumpClusters() {
  const want = wanted();
  if (!want || document.hidden) return;
  preparePanel();
  if (busyWith && Date.now() - askedAt < LATE_MS) return;
  const before = panel.clusters;
  const same = keyOf(before) === keyOf(want);
  if (before && same && !outgrown(before)) return;
  number += 1;
  busyWith = keyOf(want);
  askedAt = Date.now();
  triedAt = shown.run?.stored ?? -1;
  if (!same) byId(ids.PANEL).classList.add("busy");
  const keep = same && known() !== null;
  /** @type {ClustersRequest} */
  const data = { ...want, parameter: want.asked, keep, number };
  setProps(ids.CLUSTER_REQUEST, { data });
}

/** That r is from a sample, and how far off it may be (95 %, Fisher, around r = 0). @param {number} images @param {number} chosen */
const sampleWords = (images, chosen) =>
  `from a sample of ${count(images)} of ${count(chosen)} images, r ± ${Math.tanh(NORMAL_95 / Math.sqrt(images - 3)).toFixed(3)}`;

/** @param {Clusters} clusters */
function countsText({ clusters, single, constant, dead, images, chosen }) {
  const parts = [`${plural(clusters, "cluster")} of two or more`];
  if (single) parts.push(`${count(single)} single`);
  if (constant) parts.push(`${count(constant)} constant`);
  if (dead) parts.push(`${count(dead)} dead`);
  const from = chosen > images ? sampleWords(images, chosen) : `from ${count(images)} images`;
  return `${parts.join(", ")} · ${fewWords(images) || from}`;
}

/** Figures from few images stand greyed, with how far chance alone would bring them. @param {Clusters | null} clusters */
function drawFew(clusters) {
  const summary = byId(ids.CLUSTER_SUMMARY);
  const few = clusters !== null && fewWords(clusters.images) !== "";
  summary.classList.toggle("few", few);
  summary.title = few ? FORMULA : "";
  greyFew(byId(ids.PANEL), clusters?.images ?? Number.POSITIVE_INFINITY);
}

/** A layout that ran before the graph had its room leaves nodes nowhere: ask for it once more. */
function checkPicture() {
  const cy = graph();
  if (!cy?.nodes().length) return;
  const nowhere = cy.nodes().some((/** @type {any} */ node) => {
    const { x, y } = node.renderedPosition();
    return !Number.isFinite(x + y);
  });
  const key = keyOf(panel.clusters) ?? "";
  if (!nowhere || retried === key) return;
  retried = key;
  cy.resize();
  cy.reset();
  panel.clusters = null;
  pumpClusters();
}

/** Nodes of a graph that is zoomed out stay large enough to be seen and hit. */
function sizeNodes() {
  const cy = graph();
  if (!cy?.nodes().length) return;
  const size = Math.max(NODE, LEAST_NODE / cy.zoom());
  if (Math.abs(cy.nodes()[0].width() - size) < size / 50) return;
  cy.nodes().style({ width: size, height: size });
}

/** Double clicks on the graph's nodes lead to their pages; asking twice does no harm. */
function listenToGraph() {
  const cy = graph();
  if (!cy || cy === heard) return;
  heard = cy;
  cy.on("zoom layoutstop", sizeNodes);
  cy.on("dblclick", "node", (/** @type {any} */ event) => {
    const clusters = known();
    if (clusters) openPage({ layer: clusters.layer, filter: event.target.data("filter") });
  });
}

/** Show the clusters of a layer as graph and table. @param {ClustersAnswer} answer */
async function drawGraph({ clusters, elements, layout, rows }) {
  await preparePanel();
  if (clusters !== panel.clusters) return;
  // It may have been out of sight; it must know its room before it is laid out.
  graph()?.resize();
  setProps(ids.GRAPH, layout ? { elements, layout } : { elements });
  setProps(ids.CLUSTER_TABLE, { rowData: rows });
  byId(ids.PANEL).classList.remove("busy");
  showSelection();
  showTogether();
  listenToGraph();
  sizeNodes();
  window.requestAnimationFrame(checkPicture);
}

/** Take in the clusters of a layer. @param {ClustersAnswer} answer */
export function takeClusters(answer) {
  const { clusters } = answer;
  busyWith = null;
  panel.clusters = clusters;
  const refused = "message" in clusters;
  byId(ids.PANEL).classList.toggle("without-graph", refused);
  setExplained(byId(ids.CLUSTER_SUMMARY), refused ? clusters.message : countsText(clusters));
  drawFew(refused ? null : clusters);
  // What was pointed at belongs to the clusters before.
  setText(ids.GRAPH_CAPTION, "");
  const { cluster } = view.now;
  // Clusters of another run, layer or parameter say nothing of this cluster.
  const asked = keyOf(clusters) === keyOf(wanted());
  if (!refused && cluster !== null && asked && !clusters.labels.includes(cluster)) {
    view.settle({ cluster: null });
    notice(`${view.now.layer} has no cluster ${cluster} by this method and parameter.`, "info");
  }
  drawParameter();
  drawSubset();
  showSelection();
  followSheet();
  followWhatIf();
  pumpClusters();
  drawGraph(answer);
}

/** Filters of the open layer's red cluster; empty while another layer's clusters are here. */
export function redFilters() {
  const { cluster } = view.now;
  if (cluster === null) return [];
  return openClusters()?.labels.flatMap((label, filter) => (label === cluster ? [filter] : [])) ?? [];
}

/** What the tip says of a filter's cluster; null when its layer is not open. @param {At} at */
export function clusterOf({ layer, filter }) {
  const clusters = known();
  if (clusters?.layer !== layer) return null;
  const label = clusters.labels[filter];
  const size = clusters.labels.filter((one) => one === label).length;
  return withoutCluster(label, size) ?? `cluster ${label}, ${size} filters`;
}

/** Select a row of the table unless it is: the table reports its own choices back. @param {number | null} row */
function selectRow(row) {
  if (row === tableRow || !inPlace) return;
  tableRow = row;
  setProps(ids.CLUSTER_TABLE, { selectedRows: row === null ? [] : { ids: [String(row)] } });
}

/** @param {At} at */
const chip = (at) =>
  element(
    "button",
    {
      class: "chip",
      type: "button",
      title: `${address(at)}: click to pin it, double click for its page`,
      onmouseenter: () => move(at, null),
      onmouseleave: () => move(null, null),
      onclick: () => pin(at),
      ondblclick: () => openPage(at),
    },
    String(at.filter),
  );

/** Turn the selected cluster red and list its filters. */
export function showSelection() {
  const filters = redFilters();
  const layer = openIndex();
  const { cluster } = view.now;
  grid.highlight(filters, layer);
  selectRow(filters.length ? cluster : null);
  styleGraph();
  const place = byId(ids.SELECTION);
  if (!filters.length) {
    const hint =
      "Click a node or a row: its cluster turns red in the grid. Double click a node for its filter's page.";
    place.replaceChildren(paragraph("small", hint));
    return;
  }
  const places = filters.map((filter) => ({ layer, filter }));
  const title = `Cluster ${cluster} of ${view.now.layer}: ${plural(filters.length, "filter")}`;
  const copying = copyButton("Copy addresses", () => places.map(filterText).join("\n"));
  place.replaceChildren(
    div("selection-head", element("h3", {}, title), copying),
    div("chips", ...places.map(chip)),
  );
}

/** Select a cluster, or let go of it. @param {number} label */
function select(label) {
  if (label < 0) {
    notice("This filter never varies, so it has no correlation and no cluster.", "info");
    return;
  }
  view.set({ cluster: view.now.cluster === label ? null : label });
}

/** A node of the graph was clicked. @param {{ cluster: number }} node */
export const tapNode = (node) => select(node.cluster);

/** A row of the table was chosen, by mouse or keyboard. @param {{ cluster: number }[]} rows */
export function chooseRow(rows) {
  if (!Array.isArray(rows)) return;
  const row = rows.length ? rows[0].cluster : null;
  if (row === tableRow) return;
  tableRow = row;
  if (row !== null) view.set({ cluster: row });
}

/** Select the cluster of a filter whose layer is open. @param {At} at */
export function selectOf({ layer, filter }) {
  const clusters = known();
  if (clusters?.layer === layer) select(clusters.labels[filter]);
}

/** Open a layer's clusters. @param {number} index */
export function openLayer(index) {
  const { name } = layers()[index];
  if (name !== view.now.layer) view.set({ layer: name, cluster: null });
}

export const closePanel = () => view.set({ layer: null, cluster: null });

/** A node of the graph is under the pointer, or none. @param {{ filter: number } | null} node */
export function hoverNode(node) {
  const clusters = known();
  const at = node && clusters ? { layer: clusters.layer, filter: node.filter } : null;
  move(at, null);
  setText(ids.GRAPH_CAPTION, at ? `${address(at)} · ${clusterOf(at)}` : "");
}

/** The cluster that the graph shows in red, and that red. */
let styled = "";

/** Show the selected cluster in red in the graph. */
export function styleGraph() {
  const { cluster } = view.now;
  const now = cluster === null ? "" : `${cluster} ${redness()}`;
  if (!inPlace || now === styled) return;
  styled = now;
  baseStyle ??= graphStyle();
  const red = [
    { selector: `node[cluster != ${cluster}]`, style: { opacity: 0.35 } },
    {
      selector: `node[cluster = ${cluster}]`,
      style: { "background-color": redness() },
    },
  ];
  setProps(ids.GRAPH, { stylesheet: cluster === null ? baseStyle : [...baseStyle, ...red] });
}

/** @returns {any[]} */
function graphStyle() {
  const later = JSON.parse(byId("later", HTMLScriptElement).textContent ?? "");
  return later[ids.GRAPH_PLACE].component.props.stylesheet;
}

/** The parameter in force: asked for, or chosen by the server for the layer; null while that is open. */
function parameter() {
  if (view.now.parameter !== null) return view.now.parameter;
  const clusters = known();
  return clusters && keyOf(clusters) === keyOf(wanted()) ? clusters.parameter : null;
}

/** Bring the slider of the method in line with the parameter in force. */
function drawParameter() {
  const { method } = view.now;
  const value = parameter();
  if (value === null || !METHODS[method]) return;
  const id = `${ids.PARAMETER}-${method}`;
  const auto = view.now.parameter === null ? " (auto)" : "";
  show(id, value);
  setText(`${id}-value`, `${METHODS[method].symbol} = ${value}${auto}`);
}

/** A slider moved: its method's parameter. @param {string} method @param {number} value */
export function chooseParameter(method, value) {
  if (method === view.now.method && value !== parameter()) view.set({ parameter: value, cluster: null });
}

/** The parameter that suits the layer again. */
export const backToAuto = () => view.set({ parameter: null, cluster: null });

/** All of the graph, as large as fits. */
export const fitGraph = () => graph()?.fit(undefined, FIT_PADDING);

/** @param {string} method */
export function chooseMethod(method) {
  if (method !== view.now.method) view.set({ method, parameter: null, cluster: null });
}

/** Bring the controls in line with the view. */
export function drawClusterControls() {
  const { layer, method } = view.now;
  const frame = byId(ids.PANEL);
  frame.classList.toggle("open", openIndex() >= 0);
  showParameter(frame, method);
  drawSubsetControls();
  // The graph must know its room before it is laid out.
  graph()?.resize();
  setText(ids.PANEL_TITLE, layer ? `Clusters of ${layer}` : "");
  setExplained(byId(ids.PARAMETER_CAPTION), METHODS[method]?.help ?? "");
  drawParameter();
  byId(ids.PARAMETER_AUTO).hidden = view.now.parameter === null;
  setProps(ids.METHOD, { value: method });
}
