/* What the filter looks at: the images that drive it, cut to what its strongest place sees. */
import { div, element, paragraph } from "../base/dom.mjs";
import { partOf, strongest } from "../base/fields.mjs";
import { count } from "../base/format.mjs";
import { livePage } from "../base/links.mjs";
import { drawPixels } from "../base/pixels.mjs";
import { known, layerName } from "./facts.mjs";
import { tops } from "./top-images.mjs";

/** @import { Part } from "../base/fields.mjs" */
/** @import { Thumbnail } from "../base/pixels.mjs" */

/**
 * A part of an image as a picture of its own.
 * @param {Uint8Array} pixels
 * @param {Thumbnail["shape"]} shape
 * @param {Part} part
 */
function cut(pixels, [height, width, depth], { top, left, bottom, right }) {
  const [first, last] = [Math.floor(top * height), Math.ceil(bottom * height)];
  const [from, to] = [Math.floor(left * width), Math.ceil(right * width)];
  const rows = Math.max(1, last - first);
  const columns = Math.max(1, to - from);
  const part = new Uint8Array(rows * columns * depth);
  for (let row = 0; row < rows; row++) {
    const start = ((first + row) * width + from) * depth;
    part.set(pixels.subarray(start, start + columns * depth), row * columns * depth);
  }
  const canvas = element("canvas", { class: "pixelated", width: 1, height: 1 });
  drawPixels(canvas, part, [rows, columns, depth]);
  return canvas;
}

/** @param {number} ordinal */
function tile(ordinal) {
  const { field, run, filter } = known();
  const image = tops.images.get(ordinal);
  const map = tops.maps.get(ordinal);
  if (!image?.pixels || !map || !Array.isArray(field)) return null;
  const [row, column] = strongest(map);
  const part = partOf(field, [row, column], run.shape);
  if (!part) return null;
  const words = `Image ${count(ordinal)}, cut to what row ${row}, column ${column} of its map sees`;
  const href = livePage({ run: run.id, image: ordinal, filter: `${layerName(known())}:${filter}` });
  return element(
    "a",
    { class: "top-picture look", href, title: words, "aria-label": words },
    cut(image.pixels, image.shape, part),
  );
}

/** Some images, each cut to what the filter's strongest place sees; nothing where no map or field is known. @param {readonly number[]} ordinals */
export function looks(ordinals) {
  const { field } = known();
  if (field === "whole") return [paragraph("small", "Each place of its map sees the whole image.")];
  const tiles = ordinals.map(tile).filter((one) => one !== null);
  if (!tiles.length || !Array.isArray(field)) return [];
  const [height, width] = field.map(([size]) => Math.round(size));
  return [
    element("h3", {}, `Where it looks: ${height} × ${width} pixels around its strongest place`),
    div("tops looks", ...tiles),
  ];
}
