/* Where a cell of a feature map really looks: its receptive field, drawn on the image while the
   pointer, or the keyboard's focus, is on the map of the pinned filter. */
import { canvasOf, element } from "../base/dom.mjs";
import { partOf } from "../base/fields.mjs";
import * as ids from "../generated/ids.mjs";
import { layers, shown } from "./shown.mjs";

/** @import { At } from "../base/grid.mjs" */

const frame = element("div", { class: "seen", hidden: "" });
const words = element("div", { class: "seen-words", role: "status" });
const mark = element("div", { class: "cell-mark", hidden: "" });
/** The cell in hand. @type {[number, number] | null} */
let cell = null;

/** What a layer's cells see, in words. @param {number} layer @param {[number, number]} at */
function wordsOf(layer, [row, column]) {
  const field = shown.model?.fields[layer] ?? null;
  if (field === null) return "what it sees is not known";
  if (field === "whole") return "sees the whole image";
  const [height, width] = field.map(([size]) => Math.round(size));
  return `row ${row}, column ${column} sees ${height} × ${width}`;
}

/** Take the frame away. */
export function hideSeen() {
  cell = null;
  frame.hidden = true;
  mark.hidden = true;
  words.textContent = "";
}

/** @param {HTMLCanvasElement} picture of the map @param {At} at */
function draw(picture, { layer }) {
  const { model } = shown;
  if (!cell || !model) return;
  const { height, width } = layers()[layer];
  const image = canvasOf(ids.IMAGE);
  if (!frame.isConnected) image.parentElement?.append(frame, words);
  if (!mark.isConnected) picture.parentElement?.append(mark);
  const part = partOf(model.fields[layer], cell, model.shape);
  frame.hidden = part === null;
  words.textContent = wordsOf(layer, cell);
  // The image is as large as its frame lets it be.
  const [tall, wide] = model.shape;
  const scale = Math.min(image.clientHeight / tall, image.clientWidth / wide);
  const [top, left] = [(image.clientHeight - scale * tall) / 2, (image.clientWidth - scale * wide) / 2];
  if (part) {
    frame.style.top = `${top + part.top * tall * scale}px`;
    frame.style.left = `${left + part.left * wide * scale}px`;
    frame.style.height = `${(part.bottom - part.top) * tall * scale}px`;
    frame.style.width = `${(part.right - part.left) * wide * scale}px`;
  }
  mark.hidden = false;
  mark.style.top = `${(100 * cell[0]) / height}%`;
  mark.style.left = `${(100 * cell[1]) / width}%`;
  mark.style.height = `${100 / height}%`;
  mark.style.width = `${100 / width}%`;
}

/**
 * Let the cells of a map say what they see.
 * @param {HTMLCanvasElement} picture
 * @param {() => At | null} current the filter that the map is of
 */
export function listenToCells(picture, current) {
  picture.addEventListener("pointermove", (event) => {
    const at = current();
    if (!at) return;
    const { height, width } = layers()[at.layer];
    const place = (/** @type {number} */ offset, /** @type {number} */ length, /** @type {number} */ cells) =>
      Math.max(0, Math.min(cells - 1, Math.floor((offset / length) * cells)));
    cell = [
      place(event.offsetY, picture.clientHeight, height),
      place(event.offsetX, picture.clientWidth, width),
    ];
    draw(picture, at);
  });
  picture.addEventListener("pointerleave", hideSeen);
  picture.addEventListener("blur", hideSeen);
  picture.addEventListener("keydown", (event) => {
    const step = /** @type {Record<string, [number, number]>} */ ({
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    })[event.key];
    const at = current();
    if (!step || !at) return;
    // Elsewhere on the page these keys move through time.
    event.preventDefault();
    event.stopPropagation();
    const { height, width } = layers()[at.layer];
    const [row, column] = cell ?? [Math.floor(height / 2) - step[0], Math.floor(width / 2) - step[1]];
    cell = [
      Math.max(0, Math.min(height - 1, row + step[0])),
      Math.max(0, Math.min(width - 1, column + step[1])),
    ];
    draw(picture, at);
  });
}
