/* All maps of the open layer at once, in the room that the grid leaves empty. */
import { byId, canvasOf, contextOf, div, setText } from "../base/dom.mjs";
import { plural } from "../base/format.mjs";
import { placeOfMap } from "../base/geometry.mjs";
import { drawMap, mapOf } from "../base/pixels.mjs";
import { emptyRoom, LEAST, tile } from "../base/room.mjs";
import * as ids from "../generated/ids.mjs";
import { SHEET_ORDERS } from "../generated/rules.mjs";
import { clusterOf, openClusters } from "./clusters.mjs";
import { grid } from "./grid.mjs";
import { layerData } from "./layer-data.mjs";
import { bandOf } from "./layer-facts.mjs";
import { withoutMaps } from "./maps-again.mjs";
import { inHandOf, move, openPage, pin } from "./pointer.mjs";
import { address, layers, openIndex, pinned, whole } from "./shown.mjs";
import { view } from "./view.mjs";

/** @import { At } from "../base/grid.mjs" */
/** @import { Entry } from "./layer-data.mjs" */
/** @import { LayerMaps } from "../base/pixels.mjs" */
/** @import { Tiling } from "../base/room.mjs" */

const HEAD = 36;
const GAP = 2;
const SIDE = 8;
const LARGE = 0.62;

const one = document.createElement("canvas");
const rings = {
  hand: div("sheet-ring"),
  pin: div("sheet-ring pin"),
};

/** The filters of the sheet as they are ordered. @type {number[]} */
let order = [];
/** @type {Tiling} */
let tiling = { size: LEAST, columns: 1 };
let drawn = "";

const frame = () => byId(ids.SHEET);
const place = () => byId(ids.SHEET_MAPS);
const picture = () => canvasOf(ids.SHEET_PICTURE);

/**
 * The filters of a layer in the order that is asked for.
 * @param {number} n
 * @param {Entry} entry
 */
function ordered(n, entry) {
  const filters = Array.from({ length: n }, (_, i) => i);
  const gap = entry.value?.gap;
  const strong = (/** @type {number} */ a, /** @type {number} */ b) => {
    const [first, second] = [gap?.[a] ?? Number.NaN, gap?.[b] ?? Number.NaN];
    if (Number.isNaN(first) || Number.isNaN(second))
      return Number(Number.isNaN(first)) - Number(Number.isNaN(second));
    return second - first;
  };
  if (view.now.order === "gap") return filters.sort((a, b) => strong(a, b) || a - b);
  const labels = openClusters()?.labels;
  if (view.now.order !== "cluster" || !labels) return filters;
  /** @type {Map<number, number>} */
  const sizes = new Map();
  for (const label of labels) sizes.set(label, (sizes.get(label) ?? 0) + (label < 0 ? 0 : 1));
  const size = (/** @type {number} */ filter) => sizes.get(labels[filter]) ?? 0;
  return filters.sort((a, b) => size(b) - size(a) || labels[a] - labels[b] || strong(a, b) || a - b);
}

/** Where the sheet stands, in pixels of the grid's window; null where there is no room. @param {number} n */
function roomFor(n) {
  const layer = openIndex();
  const room = byId(ids.GRID);
  const { clientWidth: width, clientHeight: height, scrollLeft: left, scrollTop: top } = room;
  if (view.now.sheet === "large") {
    const tall = Math.round(height * LARGE);
    return { left: SIDE, top: height - tall - SIDE, width: width - 2 * SIDE, height: tall };
  }
  const geometry = grid.placed();
  // The map of a filter in hand stands above its layer.
  const kept = { ...placeOfMap(geometry, layer), width: geometry.map, height: geometry.map };
  const end = bandOf() ? Math.min(geometry.foot, top + height) : top + height;
  return emptyRoom(geometry, { left, top, width, height, end }, n, HEAD, kept);
}

/** Bring the sheet in line with the page. */
export function followSheet() {
  const layer = openIndex();
  const node = frame();
  const here = whole();
  const entry = layer >= 0 && here && grid.geometry ? layerData(layer) : null;
  const shut = view.now.sheet === "off";
  const { sheet, order: by } = view.now;
  node.hidden = !entry;
  if (!entry || !here) {
    drawn = "";
    return;
  }
  const { filters, name } = layers()[layer];
  const box = shut ? null : roomFor(filters);
  node.classList.toggle("shut", !box);
  const room = byId(ids.GRID);
  const { left, top, width, height } = box ?? {
    left: SIDE,
    top: room.clientHeight - 36,
    width: 0,
    height: 0,
  };
  node.style.left = `${room.offsetLeft + left}px`;
  node.style.top = `${room.offsetTop + top}px`;
  node.style.width = box ? `${width}px` : "";
  node.style.height = box ? `${height}px` : "";
  setText(ids.SHEET_TITLE, box ? plural(filters, "map") : `All ${plural(filters, "map")} of ${name}`);
  byId(ids.SHEET_TITLE).title = `The maps of ${name} for this image (A)`;
  byId(ids.SHEET_ORDER, HTMLSelectElement).value = by;
  setText(ids.SHEET_SIZE, sheet === "large" ? "Smaller" : "Larger");
  if (!box) {
    drawn = "";
    return;
  }
  if (!entry.value && !entry.error) {
    entry.ready.then(followSheet);
    return;
  }
  const maps = entry.value?.maps;
  place().classList.toggle("without", !maps);
  const note = byId(ids.SHEET_NOTE);
  if (!maps) {
    note.replaceChildren(...(entry.error ? [entry.error] : withoutMaps()));
    drawn = "";
    return;
  }
  note.replaceChildren();
  order = ordered(filters, entry);
  const [across, down] = [width - 2 * SIDE, height - HEAD - SIDE];
  tiling = tile(filters, across, down, LEAST);
  const scheme = document.documentElement.getAttribute("data-mantine-color-scheme");
  const key = JSON.stringify([here.run.uuid, here.image.ordinal, layer, order, tiling, scheme]);
  if (key !== drawn) drawTiles(layer, maps);
  drawn = key;
  markSheet();
}

/** @param {number} layer @param {LayerMaps} maps */
function drawTiles(layer, maps) {
  const { size, columns } = tiling;
  const canvas = picture();
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [columns * size, Math.ceil(order.length / columns) * size];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = contextOf(canvas);
  context.imageSmoothingEnabled = false;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const labels = view.now.order === "cluster" ? openClusters()?.labels : null;
  context.fillStyle = getComputedStyle(canvas).color;
  order.forEach((filter, i) => {
    const [x, y] = [(i % columns) * size, Math.floor(i / columns) * size];
    drawMap(one, mapOf(maps, filter, layers()[layer]));
    context.drawImage(one, x + GAP / 2, y + GAP / 2, size - GAP, size - GAP);
    // Where a cluster begins.
    if (labels && i > 0 && labels[filter] !== labels[order[i - 1]]) context.fillRect(x - 1, y, 2, size);
  });
}

/** @param {HTMLElement} ring @param {At | null} at */
function placeRing(ring, at) {
  const index = at && at.layer === openIndex() ? order.indexOf(at.filter) : -1;
  ring.hidden = index < 0;
  if (index < 0) return;
  const { size, columns } = tiling;
  ring.style.width = `${size}px`;
  ring.style.height = `${size}px`;
  ring.style.transform = `translate(${(index % columns) * size}px, ${Math.floor(index / columns) * size}px)`;
}

/** Ring the filter in hand and the pinned one. */
export function markSheet() {
  if (!drawn || frame().hidden) return;
  placeRing(rings.hand, inHandOf(openIndex()));
  placeRing(rings.pin, pinned());
}

/** The filter under the pointer, or null. @param {MouseEvent} event @returns {At | null} */
function filterAt(event) {
  const box = picture().getBoundingClientRect();
  const { size, columns } = tiling;
  const [column, row] = [event.clientX - box.left, event.clientY - box.top].map((x) => Math.floor(x / size));
  const filter = column >= 0 && column < columns && row >= 0 ? order[row * columns + column] : undefined;
  return filter === undefined || !drawn ? null : { layer: openIndex(), filter };
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !drawn) return;
  const layer = openIndex();
  const held = inHandOf(layer);
  const at = held ? order.indexOf(held.filter) : -1;
  const { columns } = tiling;
  if (event.key === "Enter" && held) pin(held);
  else {
    const to = /** @type {Record<string, number>} */ ({
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - columns,
      ArrowDown: at < 0 ? 0 : at + columns,
      Home: 0,
      End: order.length - 1,
    })[event.key];
    if (to === undefined) return;
    takeInHand(to < 0 || to >= order.length ? Math.max(0, at) : to);
  }
  event.preventDefault();
  event.stopPropagation();
}

/** @param {number} index of a tile */
function takeInHand(index) {
  const at = { layer: openIndex(), filter: order[index] };
  const box = picture().getBoundingClientRect();
  const { size, columns } = tiling;
  move(at, {
    x: box.left + ((index % columns) + 1) * size,
    y: box.top + (Math.floor(index / columns) + 1) * size,
  });
  rings.hand.scrollIntoView({ block: "nearest" });
  setText(ids.SHEET_SPOKEN, [address(at), clusterOf(at)].filter(Boolean).join(", "));
}

/** Show the maps of the open layer, or put them away. */
export function toggleSheet() {
  if (openIndex() < 0) return;
  // Where there is no room beside the blocks, the sheet lies over them.
  const none = frame().classList.contains("shut");
  const fits = none && roomFor(layers()[openIndex()].filters) !== null;
  view.set({ sheet: none ? (fits ? "fit" : "large") : "off" });
}

export function listenToSheet() {
  const node = place();
  byId(ids.SHEET_RINGS).append(rings.hand, rings.pin);
  node.addEventListener("pointermove", (event) =>
    move(filterAt(event), { x: event.clientX, y: event.clientY }),
  );
  node.addEventListener("pointerleave", () => move(null, null));
  node.addEventListener("mousedown", (event) => event.preventDefault());
  node.addEventListener("click", (event) => {
    const at = filterAt(event);
    if (at) pin(at);
  });
  node.addEventListener("dblclick", (event) => {
    const at = filterAt(event);
    if (at) openPage(at);
  });
  node.addEventListener("keydown", onKey);
  node.addEventListener("focusout", () => move(null, null));
  const by = byId(ids.SHEET_ORDER, HTMLSelectElement);
  by.addEventListener("change", () => view.set({ order: SHEET_ORDERS.find((one) => one === by.value) }));
  byId(ids.SHEET_SIZE).addEventListener("click", () =>
    view.set({ sheet: view.now.sheet === "large" ? "fit" : "large" }),
  );
  byId(ids.SHEET_CLOSE).addEventListener("click", toggleSheet);
  byId(ids.SHEET_TITLE).addEventListener("click", () => frame().classList.contains("shut") && toggleSheet());
}
