/* The whole network in small: where the window is in it, the way to a layer by name, and zoom. */
import { rgb } from "../base/colours.mjs";
import { setProps } from "../base/dash.mjs";
import { byId, contextOf, div, element } from "../base/dom.mjs";
import { hideTip, tellAt } from "../base/tip.mjs";
import { drawingOf } from "../base/wiring.mjs";
import * as ids from "../generated/ids.mjs";
import { grid } from "./grid.mjs";
import { bandOf, layerFacts } from "./layer-facts.mjs";
import { gridColours, scaleOf } from "./scale.mjs";
import { layers, shown } from "./shown.mjs";

/** @import { Geometry } from "../base/geometry.mjs" */

const STEP = 1.25;
const LARGEST = 4;
/** A turn of the wheel by so many pixels is one step. */
const TURN = 60;
const ARCS = 12;

const canvas = element("canvas", { class: "navigator-canvas pixelated" });
const frame = div("navigator-frame");
const room = () => byId(ids.GRID);
const place = () => byId(ids.NAVIGATOR_MAP);

/** The blocks, a pixel a filter; what is scaled into the small picture. @type {HTMLCanvasElement[]} */
let pictures = [];
/** @type {readonly unknown[] | null} */
let named = null;
let due = false;
/** Whether a person asked for the bar of a network that is in sight as a whole. */
let asked = false;

/** Whether the network is wider than the room. @param {Geometry} geometry */
const wide = (geometry) => geometry.width > room().clientWidth + 1;

/** The grid was placed: show the bar where the network does not fit, and the window in it. */
export function drawNavigator() {
  const bar = byId(ids.NAVIGATOR);
  const shows = asked || wide(grid.placed()) || grid.zoom !== 1;
  if (bar.dataset.wide !== (shows ? "yes" : "no")) bar.dataset.wide = shows ? "yes" : "no";
  const known = layers();
  if (known !== named) {
    named = known;
    pictures = known.map(() => document.createElement("canvas"));
    setProps(ids.LAYER_JUMP, { data: known.map(({ name }) => name), value: null });
  }
  paintNavigator();
}

/** Colours changed: paint once, before the next frame. */
export function paintNavigator() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    paint();
  });
}

function paint() {
  const map = place();
  if (!grid.geometry || !grid.codes || byId(ids.NAVIGATOR).dataset.wide !== "yes") return;
  const { geometry, codes } = grid;
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [map.clientWidth, map.clientHeight];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = contextOf(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const arcs = bandOf() ? ARCS : 0;
  const across = width / geometry.width;
  const tallest = Math.max(...geometry.blocks.map((block) => block.height));
  const down = (height - arcs - 4) / tallest;
  const axis = 2 + (down * tallest) / 2;
  layers().forEach((layer, i) => {
    const block = geometry.blocks[i];
    const picture = pictures[i];
    paintPicture(picture, i, layer.offset, layer.filters, block.columns, block.rows, codes);
    const [wideness, tallness] = [Math.max(1, block.width * across), Math.max(1, block.height * down)];
    context.drawImage(picture, block.x * across, axis - tallness / 2, wideness, tallness);
  });
  if (arcs && shown.model?.wiring) {
    context.strokeStyle = getComputedStyle(map).color;
    context.lineWidth = 1;
    const line = height - arcs + 1;
    for (const { from, to, depth } of drawingOf(geometry, shown.model.wiring).arcs) {
      const low = line + (depth * ARCS) / 34;
      context.beginPath();
      context.moveTo(from * across, line);
      context.bezierCurveTo(from * across, low, to * across, low, to * across, line);
      context.stroke();
    }
  }
  measureFrame();
}

/**
 * @param {HTMLCanvasElement} picture
 * @param {number} index
 * @param {number} offset
 * @param {number} filters
 * @param {number} columns
 * @param {number} rows
 * @param {ArrayLike<number>} codes
 */
function paintPicture(picture, index, offset, filters, columns, rows, codes) {
  picture.width = columns;
  picture.height = rows;
  const context = contextOf(picture);
  const data = context.createImageData(columns, rows);
  const scale = scaleOf(index);
  for (let i = 0; i < filters; i++) {
    data.data.set([...rgb(gridColours(index), scale[codes[offset + i]]), 255], 4 * i);
  }
  context.putImageData(data, 0, 0);
}

/** The widths that the frame goes by, measured when the bar is painted: a pan must not wait for that. */
let widths = { room: 1, map: 1 };

/** Where the window is. */
function placeFrame() {
  if (!grid.geometry) return;
  const { scrollLeft } = room();
  const across = widths.map / grid.geometry.width;
  frame.style.transform = `translateX(${scrollLeft * across}px)`;
  const most = grid.geometry.width - widths.room;
  const now = String(most > 0 ? Math.round((100 * scrollLeft) / most) : 0);
  if (place().getAttribute("aria-valuenow") !== now) place().setAttribute("aria-valuenow", now);
}

function measureFrame() {
  if (!grid.geometry) return;
  widths = { room: room().clientWidth, map: place().clientWidth };
  frame.style.width = `${Math.min(widths.map, (widths.room * widths.map) / grid.geometry.width)}px`;
  placeFrame();
}

/** The place of the network under the pointer, in pixels of the grid. @param {PointerEvent} event */
function underPointer(event) {
  const box = place().getBoundingClientRect();
  return ((event.clientX - box.left) / box.width) * grid.placed().width;
}

/** @param {PointerEvent} event */
function drag(event) {
  if (!grid.geometry || !(event.buttons & 1)) return;
  place().setPointerCapture(event.pointerId);
  room().scrollLeft = underPointer(event) - room().clientWidth / 2;
}

/** The layer nearest to the pointer. @param {PointerEvent} event */
function nearest(event) {
  const x = underPointer(event);
  const { blocks } = grid.placed();
  const far = blocks.map((block) => Math.max(0, block.x - x, x - block.x - block.width));
  return far.indexOf(Math.min(...far));
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const { clientWidth, scrollWidth, scrollLeft } = room();
  const to = /** @type {Record<string, number>} */ ({
    ArrowLeft: scrollLeft - clientWidth / 4,
    ArrowRight: scrollLeft + clientWidth / 4,
    PageUp: scrollLeft - clientWidth,
    PageDown: scrollLeft + clientWidth,
    Home: 0,
    End: scrollWidth,
  })[event.key];
  if (to === undefined) return;
  room().scrollLeft = to;
  event.preventDefault();
  event.stopPropagation();
}

/** A layer was chosen by its name. @param {string} name */
export function jumpTo(name) {
  const index = layers().findIndex((layer) => layer.name === name);
  if (index < 0) return;
  setProps(ids.LAYER_JUMP, { value: null });
  grid.bring(index);
  // Enter opens its clusters, Tab goes on to its filters.
  grid.blocks[index].label.focus({ preventScroll: true });
}

/** The field for a layer's name, which stands in the bar. */
export function focusJump() {
  if (!grid.geometry) return;
  asked = true;
  drawNavigator();
  byId(ids.LAYER_JUMP).focus();
}

/** Nobody asks for the bar any more. */
function letGo() {
  if (!asked || !grid.geometry) return;
  asked = false;
  drawNavigator();
}

const middle = () => {
  const box = room().getBoundingClientRect();
  return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
};

/** Zoom by some steps, in for more than 0. @param {number} steps */
export function zoomBy(steps, at = middle()) {
  if (!grid.geometry) return;
  hideTip();
  // Small enough for the whole network to fit, as far as its cells can still be seen.
  const least = Math.min(0.5, room().clientWidth / grid.geometry.width);
  const zoom = Math.max(least, Math.min(LARGEST, grid.zoom * STEP ** steps));
  grid.zoomTo(Math.abs(zoom - 1) < 0.02 ? 1 : zoom, at);
}

export const zoomFit = () => grid.geometry && grid.zoomTo(1, middle());

/** A wheel, or two fingers on a pad, which browsers report as one with Ctrl. @param {WheelEvent} event */
function turn(event) {
  if (!grid.geometry) return;
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    zoomBy(-event.deltaY / TURN, { x: event.clientX, y: event.clientY });
    return;
  }
  const { scrollHeight, clientHeight } = room();
  // What does not scroll down goes along the network; on narrow screens the window scrolls down.
  if (Math.abs(event.deltaY) <= Math.abs(event.deltaX) || scrollHeight > clientHeight + 1) return;
  if (!wide(grid.geometry)) return;
  event.preventDefault();
  room().scrollLeft += event.deltaY;
}

/** Two fingers on the screen. */
function listenToPinch() {
  /** @type {{ apart: number, zoom: number } | null} */
  let pinch = null;
  const spread = (/** @type {TouchList} */ touches) => ({
    apart: Math.hypot(touches[0].clientX - touches[1].clientX, touches[0].clientY - touches[1].clientY),
    x: (touches[0].clientX + touches[1].clientX) / 2,
    y: (touches[0].clientY + touches[1].clientY) / 2,
  });
  room().addEventListener("touchstart", ({ touches }) => {
    pinch = touches.length === 2 ? { apart: spread(touches).apart, zoom: grid.zoom } : null;
  });
  room().addEventListener(
    "touchmove",
    (event) => {
      if (!pinch || event.touches.length !== 2 || !grid.geometry) return;
      event.preventDefault();
      const { apart, ...at } = spread(event.touches);
      const wanted = pinch.zoom * (apart / Math.max(1, pinch.apart));
      zoomBy(Math.log(wanted / grid.zoom) / Math.log(STEP), at);
    },
    { passive: false },
  );
}

export function listenToNavigator() {
  place().replaceChildren(canvas, frame);
  room().addEventListener("scroll", placeFrame, { passive: true });
  room().addEventListener("wheel", turn, { passive: false });
  listenToPinch();
  place().addEventListener("pointerdown", drag);
  place().addEventListener("pointermove", drag);
  place().addEventListener("keydown", onKey);
  byId(ids.NAVIGATOR).addEventListener("focusout", letGo);
  tellAt(place(), (event) => (grid.geometry ? layerFacts(layers()[nearest(event)]) : []));
  new ResizeObserver(paintNavigator).observe(place());
}
