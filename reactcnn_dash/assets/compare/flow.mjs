/* The cluster flow: from the clusters of A to those of B, and the filters of both beside it. */
import { onChoose, text } from "../base/chart.mjs";
import { byId, svg } from "../base/dom.mjs";
import { figure, plural } from "../base/format.mjs";
import { Grid } from "../base/grid.mjs";
import { listenToGrid } from "../base/hand.mjs";
import { setExplained } from "../base/terms.mjs";
import { hideTip, tellAt, tip } from "../base/tip.mjs";
import * as ids from "../generated/ids.mjs";
import { CONSTANT_COLOUR, SINGLETON_COLOUR } from "../generated/rules.mjs";
import { belongs, CONSTANT, filtersOf, flowOf, SINGLE } from "./flow-layout.mjs";
import { symbol } from "./picking.mjs";
import { view } from "./view.mjs";

/** @import { At } from "../base/grid.mjs" */
/** @import { Place } from "../base/tip.mjs" */
/** @import { LayerFilters, LayerRow } from "../generated/compare.d.ts" */
/** @import { Flow, Group, Side } from "./flow-layout.mjs" */

/** What is drawn: the flow of a layer, with a code and a colour for each of its groups. @typedef {Flow & { said: LayerFilters, layer: LayerRow, codes: Uint16Array, identity: number[], css: string[] }} Shown */

/** Where a node stands; `used` is how much of it bands have taken. @typedef {{ y: number, height: number, filters: number[], used: number }} NodePlace */

const BAR = 12;
const LABEL = 74;
const HEAD = 22;
const SPACE = 3;
const MOST_NAMED = 24;
/** @type {Shown | null} */
let flow = null;
/** What the picture is of. @type {Shown | null} */
let drawn = null;
/** @type {{ focus(at: At): void } | null} */
let hand = null;
/** @type {At | null} */
let inHand = null;

const grid = new Grid({
  room: () => byId(ids.COMPARE_FLOW_GRID),
  prefix: "flow",
  bare: true,
  name: (layer) => ({
    title: `The layer's filters in ${layer.name}, by cluster`,
    label: `Filters in ${layer.name}`,
  }),
  choose: () => {},
  scale: () => flow?.identity ?? [],
  colours: () => flow?.css ?? [],
});

/** @param {string} key @param {LayerFilters} said */
const colourOf = (key, said) =>
  key === CONSTANT ? CONSTANT_COLOUR : key === SINGLE ? SINGLETON_COLOUR : said.colours[key];

/** @param {string} key */
const nameOf = (key) => (key === SINGLE ? "single" : key === CONSTANT ? "never vary" : `cluster ${key}`);

/** Take in the filters of a layer. @param {LayerFilters} said @param {LayerRow} layer */
export function buildFlow(said, layer) {
  const found = flowOf(said);
  const both = [...found.groups.a, ...found.groups.b];
  const keys = [...new Set(both)];
  flow = {
    ...found,
    said,
    layer,
    codes: Uint16Array.from(both, (key) => keys.indexOf(key)),
    identity: keys.map((_, i) => i),
    css: keys.map((key) => colourOf(key, said)),
  };
}

export function forgetFlow() {
  flow = null;
}

/** @param {Shown} shown */
function buildGrid({ layer, codes }) {
  const { filters } = layer;
  grid.build([
    { ...layer, name: "A", offset: 0 },
    { ...layer, name: "B", offset: filters },
  ]);
  grid.paint(codes);
}

/** @param {string} key */
const choose = (key) => view.set({ cluster: view.now.cluster === key ? null : key });

/**
 * Let a node or band be chosen, and say what it is.
 * @param {SVGElement} node
 * @param {string} key
 * @param {string} words
 */
function pressable(node, key, words) {
  node.setAttribute("data-cluster", key);
  node.setAttribute("aria-label", words);
  onChoose(node, () => choose(key));
  tellAt(node, () => [words]);
  return node;
}

/**
 * Places of one side's nodes: the same pixels a filter on both sides.
 * @param {readonly Group[]} nodes
 * @param {number} unit
 */
function stack(nodes, unit) {
  /** @type {Map<string, NodePlace>} */
  const places = new Map();
  let y = HEAD;
  for (const [key, filters] of nodes) {
    places.set(key, { y, height: filters.length * unit, filters, used: 0 });
    y += filters.length * unit + SPACE;
  }
  return places;
}

/**
 * @param {Side} side
 * @param {string} key
 * @param {NodePlace} place
 * @param {number} x
 * @param {number} width of the picture
 * @param {LayerFilters} said
 */
function drawNode(side, key, { y, height, filters }, x, width, said) {
  const left = side === "a";
  const label = `${nameOf(key).replace("cluster ", "")} · ${filters.length}`;
  const node = svg(
    "g",
    { class: "flow-node", role: "button", tabindex: "0" },
    svg("rect", { x, y, width: BAR, height: Math.max(1, height), rx: 2, fill: colourOf(key, said) }),
    height >= 9
      ? text(label, left ? x - 5 : x + BAR + 5, y + height / 2 + 3.5, left ? "end" : "start", { class: null })
      : null,
    // A thin node is still to be hit.
    svg("rect", {
      x: left ? 0 : x,
      y: y - 1,
      width: left ? x + BAR : width - x,
      height: Math.max(4, height + 2),
      class: "flow-hit",
    }),
  );
  const words = `${nameOf(key)} of ${side.toUpperCase()}, ${plural(filters.length, "filter")}`;
  return pressable(node, `${side}:${key}`, words);
}

/**
 * @param {NodePlace} a
 * @param {NodePlace} b
 * @param {number} height
 * @param {readonly [number, number]} ends
 */
function bandPath(a, b, height, [left, right]) {
  const [y0, y1] = [a.y + a.used, b.y + b.used];
  a.used += height;
  b.used += height;
  const middle = (left + right) / 2;
  return (
    `M${left},${y0} C${middle},${y0} ${middle},${y1} ${right},${y1} v${height} ` +
    `C${middle},${y1 + height} ${middle},${y0 + height} ${left},${y0 + height} z`
  );
}

/** @param {Shown} shown */
function drawPicture({ nodes, bands, said, layer }) {
  const place = byId(ids.COMPARE_FLOW);
  const { clientWidth: width, clientHeight: height } = place;
  const most = Math.max(nodes.a.length, nodes.b.length);
  const unit = Math.max(0.2, (height - HEAD - 4 - SPACE * most) / said.a.length);
  const places = { a: stack(nodes.a, unit), b: stack(nodes.b, unit) };
  const [left, right] = [LABEL + BAR, width - LABEL - BAR];
  const bottoms = [...places.a.values(), ...places.b.values()].map((one) => one.y + one.height);
  const picture = svg(
    "svg",
    {
      class: "flow-picture",
      role: "group",
      "aria-label": `From the clusters of A to those of B, ${layer.name}`,
      width,
      height: Math.max(...bottoms) + 4,
    },
    text("A", left, 13, "end", { class: "flow-title side-text-a" }),
    text("B", right, 13, "start", { class: "flow-title side-text-b" }),
  );
  for (const [name, filters] of bands) {
    const [from, to] = name.split(">");
    const [a, b] = [places.a.get(from), places.b.get(to)];
    if (!a || !b) continue;
    const d = bandPath(a, b, filters.length * unit, [left, right]);
    const band = svg("path", { class: "flow-band", d, fill: colourOf(from, said) });
    const words = `${plural(filters.length, "filter")} from ${nameOf(from)} of A to ${nameOf(to)} of B`;
    picture.append(pressable(band, `a:${from}>b:${to}`, words));
  }
  for (const [key, one] of places.a) picture.append(drawNode("a", key, one, LABEL, width, said));
  for (const [key, one] of places.b) picture.append(drawNode("b", key, one, right, width, said));
  picture.addEventListener("pointerleave", hideTip);
  place.replaceChildren(picture);
}

/** @param {Shown} shown @param {readonly number[] | null} filters */
function caption({ layer }, filters) {
  const { name, ari, nmi, parameter } = layer;
  if (!filters) {
    return `Clusters of ${name} at ${symbol()} = ${parameter}: ARI ${figure(ari)}, NMI ${figure(nmi)}. Click a cluster or a band: its filters turn red in A and B.`;
  }
  const named = filters.slice(0, MOST_NAMED).join(", ");
  const more = filters.length > MOST_NAMED ? ", …" : "";
  return `${plural(filters.length, "filter")} of ${name}: ${named}${more}`;
}

/** @param {At | null} at @param {Place | null} place */
function move(at, place) {
  inHand = at;
  grid.ring("ring", at);
  if (!at || !flow) {
    hideTip();
    return;
  }
  const { groups, layer } = flow;
  const head = `${layer.name} · filter ${at.filter}`;
  tip([head, `in A: ${nameOf(groups.a[at.filter])}`, `in B: ${nameOf(groups.b[at.filter])}`], place);
}

/** Choose the group of a filter. @param {At} at */
function chooseOf({ layer, filter }) {
  const side = layer === 0 ? "a" : "b";
  if (flow) choose(`${side}:${flow.groups[side][filter]}`);
}

function listen() {
  const room = byId(ids.COMPARE_FLOW_GRID);
  const held = listenToGrid(grid, room, { at: () => inHand, move, choose: chooseOf });
  hand = held;
  room.addEventListener("keydown", (event) => {
    if (!inHand) return;
    if (event.key.startsWith("Arrow")) held.focus(grid.step(inHand, event.key));
    else if (event.key === "Enter") chooseOf(inHand);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** Bring the flow in line with the view. */
export function drawFlow(resized = false) {
  if (!flow || view.now.tab !== "flow") return;
  if (!hand) listen();
  if (drawn !== flow) buildGrid(flow);
  else if (resized) grid.layout();
  if (drawn !== flow || resized) drawPicture(flow);
  drawn = flow;
  const { cluster } = view.now;
  const filters = filtersOf(flow, cluster);
  grid.highlight(filters ?? [], 0, 1);
  const place = byId(ids.COMPARE_FLOW);
  for (const node of /** @type {NodeListOf<SVGElement>} */ (place.querySelectorAll("[data-cluster]"))) {
    const chosen = filters !== null && cluster !== null && belongs(node.dataset.cluster ?? "", cluster);
    node.classList.toggle("chosen", chosen);
  }
  place.classList.toggle("has-chosen", filters !== null);
  setExplained(byId(ids.COMPARE_FLOW_CAPTION), caption(flow, filters));
}
