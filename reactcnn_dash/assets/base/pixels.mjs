/* Pixels: what the network saw of an image, and feature maps; fetched, decoded and drawn. */
import { answerOf } from "./asker.mjs";
import { bothWays, colours } from "./colours.mjs";
import { contextOf } from "./dom.mjs";
import { answerTable, mapTable } from "./scales.mjs";

/** Height, width and channels. @typedef {[number, number, number]} Shape */

/**
 * A feature map: a code from 0 to 255 a place, which stands for `low + step · code`; `signed` where the
 * maps of its layer go below 0.
 * @typedef {{ codes: Uint8Array, height: number, width: number, low: number, step: number, signed: boolean }} Map2d
 */

/** Pixels are null where there are none. @typedef {{ pixels: Uint8Array | null, shape: Shape }} Thumbnail */

/** A layer's maps: a value is `low + step · code`. @typedef {{ low: Float32Array, step: Float32Array, codes: Uint8Array }} LayerMaps */

/** One layer's GAP and, where they are stored, its maps. @typedef {{ gap: Float32Array, maps: LayerMaps | null }} LayerData */

/**
 * Draw a picture of a height and width, place by place.
 * @param {HTMLCanvasElement} canvas
 * @param {number} height
 * @param {number} width
 * @param {(i: number, out: Uint8ClampedArray, at: number) => void} write writes red, green and blue of
 *   the place i, counted row by row, into `out` from `at` on
 */
export function paint(canvas, height, width, write) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = contextOf(canvas);
  const picture = context.createImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    write(i, picture.data, 4 * i);
    picture.data[4 * i + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
}

/**
 * Draw pixels; `keep` says which share of its light a place keeps.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} pixels
 * @param {Shape} shape
 * @param {((x: number, y: number) => number) | null} [keep]
 */
export function drawPixels(canvas, pixels, [height, width, depth], keep) {
  paint(canvas, height, width, (i, out, at) => {
    const share = keep ? keep(i % width, Math.floor(i / width)) : 1;
    for (let c = 0; c < 3; c++) out[at + c] = pixels[depth * i + (depth >= 3 ? c : 0)] * share;
  });
}

/** Take away what was drawn. @param {HTMLCanvasElement} canvas */
export const clearPixels = (canvas) => canvas.getContext("2d")?.clearRect(0, 0, canvas.width, canvas.height);

/**
 * Draw a feature map, in the colours of its layer.
 * @param {HTMLCanvasElement} canvas
 * @param {Map2d} map
 */
export function drawMap(canvas, map) {
  const { bytes } = map.signed ? bothWays() : colours();
  const table = mapTable(map);
  paint(canvas, map.height, map.width, (i, out, at) => {
    const from = 3 * table[map.codes[i]];
    for (let c = 0; c < 3; c++) out[at + c] = bytes[from + c];
  });
}

/**
 * Which light an image keeps under a map: where the filter does not answer it goes dark, so that what
 * keeps its colour is what the filter looks at.
 * @param {Map2d} map
 * @param {Shape} shape of the image
 * @param {number} strength from 0 to 1
 * @returns {(x: number, y: number) => number}
 */
export function lightOf(map, [height, width], strength) {
  const answer = answerTable(map);
  return (x, y) => {
    const row = Math.floor((y * map.height) / height) * map.width;
    return 1 - strength * (1 - answer[map.codes[row + Math.floor((x * map.width) / width)]]);
  };
}

/** @param {string} text base64 */
export const decodeBytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

/** Bytes that a route answers with; rejects with the reason. @param {string} path */
const fetchBytes = async (path) => (await answerOf(path)).arrayBuffer();

/**
 * What the network saw of an image.
 * @param {{ uuid: string }} run
 * @param {number} ordinal
 */
export const fetchPixels = async (run, ordinal) =>
  new Uint8Array(await fetchBytes(`/runs/${run.uuid}/images/${ordinal}`));

/**
 * Thumbnails out of a body, see `thumbnails` in pages/live/search.py.
 * @param {ArrayBuffer} buffer
 * @param {readonly number[]} ordinals
 */
export function decodeThumbnails(buffer, ordinals) {
  const [height, width, depth] = new Uint16Array(buffer, 0, 3);
  /** @type {Shape} */
  const shape = [height, width, depth];
  const here = new Uint8Array(buffer, 6, ordinals.length);
  const size = height * width * depth;
  let from = 6 + ordinals.length;
  /** @type {Map<number, Thumbnail>} */
  const found = new Map();
  ordinals.forEach((ordinal, i) => {
    found.set(ordinal, { pixels: here[i] ? new Uint8Array(buffer, from, size) : null, shape });
    if (here[i]) from += size;
  });
  return found;
}

/**
 * Thumbnails of some images by ordinal.
 * @param {{ uuid: string }} run
 * @param {readonly number[]} ordinals
 */
export const fetchThumbnails = async (run, ordinals) =>
  decodeThumbnails(await fetchBytes(`/runs/${run.uuid}/thumbnails?of=${ordinals.join(",")}`), ordinals);

/**
 * A layer's data out of a body, see `layer_response` in pages/routes.py.
 * @param {ArrayBuffer} buffer
 * @param {number} n filters of the layer
 * @returns {LayerData}
 */
export function decodeLayer(buffer, n) {
  const gap = new Float32Array(buffer, 0, n);
  if (buffer.byteLength === 4 * n) return { gap, maps: null };
  return {
    gap,
    maps: {
      low: new Float32Array(buffer, 4 * n, n),
      step: new Float32Array(buffer, 8 * n, n),
      codes: new Uint8Array(buffer, 12 * n),
    },
  };
}

/**
 * One layer of one image.
 * @param {string} uuid of the run
 * @param {number} ordinal
 * @param {number} position of the layer
 * @param {number} filters of the layer
 */
export const fetchLayer = async (uuid, ordinal, position, filters) =>
  decodeLayer(await fetchBytes(`/runs/${uuid}/images/${ordinal}/layers/${position}`), filters);

/**
 * One filter's map out of those of its layer.
 * @param {LayerMaps} maps
 * @param {number} filter
 * @param {{ height: number, width: number }} layer
 * @returns {Map2d}
 */
export const mapOf = ({ low, step, codes }, filter, { height, width }) => ({
  codes: codes.subarray(filter * height * width, (filter + 1) * height * width),
  height,
  width,
  low: low[filter],
  step: step[filter],
  signed: low.some((one) => one < 0),
});
