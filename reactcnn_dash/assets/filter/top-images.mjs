/* Images with the filter's feature map laid over: those that drive it most. */
import { answerOf, askUntilDone, BEHIND, shareDone, showProgress } from "../base/asker.mjs";
import { byId, div, element, paragraph, setText, span } from "../base/dom.mjs";
import { count, filterAddress, number } from "../base/format.mjs";
import { livePage } from "../base/links.mjs";
import { reason } from "../base/notice.mjs";
import { drawPixels, fetchThumbnails, lightOf, mapOf } from "../base/pixels.mjs";
import * as ids from "../generated/ids.mjs";
import { drawClassPictures, shownClasses } from "./classes.mjs";
import { classOf, known, layerName, say } from "./facts.mjs";
import { looks } from "./looks.mjs";
import { view } from "./view.mjs";

/** @import { TopImages } from "../generated/filter.d.ts" */
/** @import { Running } from "../generated/shared.d.ts" */
/** @import { Map2d, Thumbnail } from "../base/pixels.mjs" */

const STRENGTH = 0.8;

/** `found` are the images of the filter on the page; `images` and `maps` by ordinal. */
export const tops = {
  /** @type {TopImages | null} */
  found: null,
  /** @type {Map<number, Thumbnail>} */
  images: new Map(),
  /** @type {Map<number, Map2d | null>} */
  maps: new Map(),
  overlay: true,
};

/** The filter's feature maps on some images, null where none is stored. @param {readonly number[]} ordinals */
async function fetchMaps(ordinals) {
  const [height, width] = known().map;
  const said = await answerOf("/filters/maps", { ...view.now, of: ordinals.join(",") });
  if (said.headers.get("Content-Type")?.startsWith("application/json"))
    throw new Error((await said.json()).message);
  const body = await said.arrayBuffer();
  const here = new Uint8Array(body, 0, ordinals.length);
  // What comes behind the flags begins where numbers may begin.
  const from = 4 * Math.ceil(ordinals.length / 4);
  const n = here.filter(Boolean).length;
  const maps = {
    low: new Float32Array(body, from, n),
    step: new Float32Array(body, from + 4 * n, n),
    codes: new Uint8Array(body, from + 8 * n),
  };
  /** @type {Map<number, Map2d | null>} */
  const found = new Map();
  let at = 0;
  ordinals.forEach((ordinal, i) => {
    found.set(ordinal, here[i] ? mapOf(maps, at, { height, width }) : null);
    at += here[i];
  });
  return found;
}

/**
 * A picture of an image, linked to the live page there with the filter pinned.
 * @param {number} ordinal
 * @param {string} words
 * @param {...HTMLElement} children
 */
export function pictureLink(ordinal, words, ...children) {
  const of = known();
  const canvas = element("canvas", { class: "pixelated", width: 1, height: 1, "data-ordinal": ordinal });
  const filter = filterAddress(layerName(of), of.filter);
  const href = livePage({ run: of.run.id, image: ordinal, filter });
  const shown = children.map((child) => `${child.textContent} `).join("");
  const parts = children.flatMap((child) => [child, " "]);
  return element(
    "a",
    { class: "top-picture", href, title: words, "aria-label": `${shown}${words}` },
    canvas,
    ...parts,
  );
}

/** Draw the pixels of every picture on the page. */
export function paintPictures() {
  const pictures = /** @type {NodeListOf<HTMLCanvasElement>} */ (
    document.querySelectorAll(".top-picture canvas")
  );
  for (const canvas of pictures) {
    const ordinal = Number(canvas.dataset.ordinal);
    const image = tops.images.get(ordinal);
    if (!image?.pixels) continue;
    const map = tops.maps.get(ordinal);
    canvas.dataset.map = map ? (tops.overlay ? "shown" : "hidden") : "none";
    const keep = map && tops.overlay ? lightOf(map, image.shape, STRENGTH) : null;
    drawPixels(canvas, image.pixels, image.shape, keep);
  }
}

export function toggleOverlay() {
  tops.overlay = !tops.overlay;
  setText(ids.FILTER_OVERLAY, tops.overlay ? "Maps on" : "Maps off");
  paintPictures();
}

/** @param {TopImages} found */
function caption({ images, overall }) {
  const without = overall.filter(([ordinal]) => !tops.maps.get(ordinal)).length;
  const over = `The highest GAP over ${count(images)} images.`;
  if (!without) return `${over} Light stays where the filter answers.`;
  if (without === overall.length) return `${over} Their feature maps are not stored: the images alone.`;
  return `${over} Of ${count(without)} the feature map is not stored: the image alone.`;
}

/** @param {TopImages} found */
function draw(found) {
  const of = known();
  if (!found.overall.length) {
    const still = "No image drives it: its GAP is the same on all of them.";
    say(ids.FILTER_TOPS, of.state.constant ? still : "No image with a finite GAP value.");
    return;
  }
  const tiles = found.overall.map(([ordinal, value, index]) => {
    const name = index < 0 ? "" : classOf(of, index);
    const words = `Image ${count(ordinal)}${name && `, ${name}`}: GAP ${number(value)}. Open it on the live page`;
    return pictureLink(
      ordinal,
      words,
      span("top-name", name || `image ${count(ordinal)}`),
      span("top-value", number(value)),
    );
  });
  byId(ids.FILTER_TOPS).replaceChildren(
    div("tops", ...tiles),
    paragraph("small", caption(found)),
    ...looks(found.overall.map(([ordinal]) => ordinal)),
  );
}

/** @param {Running} waiting */
function running(waiting) {
  if (tops.found) return;
  const { done, total, behind } = waiting;
  const began = behind ? BEHIND : "Looking for the images …";
  const words = total ? `${count(done)} of ${count(total)} images looked at …` : began;
  showProgress(byId(ids.FILTER_TOPS), words, shareDone(waiting), "Top images");
}

/**
 * Look for the images that drive the filter on the page.
 * @param {() => boolean} still
 * @param {boolean} quietly what is there stays until the new is found
 */
export async function loadTops(still, quietly) {
  if (!quietly) tops.found = null;
  try {
    /** @type {TopImages | null} */
    const found = await askUntilDone("/filters/tops", view.now, still, running);
    if (!found) return;
    const shown = new Set(found.overall.map(([ordinal]) => ordinal));
    for (const index of shownClasses()) for (const ordinal of found.byClass[index] ?? []) shown.add(ordinal);
    const ordinals = [...shown];
    if (ordinals.length) {
      const [images, maps] = await Promise.all([fetchThumbnails(known().run, ordinals), fetchMaps(ordinals)]);
      if (!still()) return;
      Object.assign(tops, { images, maps });
    }
    tops.found = found;
    draw(found);
    drawClassPictures();
  } catch (error) {
    if (still()) say(ids.FILTER_TOPS, reason(error));
  }
}
