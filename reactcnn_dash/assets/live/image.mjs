/* The current image, and its caption: what it is, and what the network takes it for. */
import { byId, canvasOf, div, element } from "../base/dom.mjs";
import { count } from "../base/format.mjs";
import { notice, reason } from "../base/notice.mjs";
import { clearPixels, drawPixels, fetchPixels, lightOf } from "../base/pixels.mjs";
import * as ids from "../generated/ids.mjs";
import { answerWords, drawAnswers, isWrong, truthWords, verdict } from "./answers.mjs";
import { classOf, namesClasses, shown, whole } from "./shown.mjs";

/** @import { ShownRun } from "../generated/live.d.ts" */
/** @import { Map2d } from "../base/pixels.mjs" */
/** @import { Shown } from "./shown.mjs" */

/** What is drawn: pixels, and the feature map whose light lies on them. */
export const drawn = {
  /** @type {Uint8Array | null} */
  pixels: null,
  /** @type {Map2d | null} */
  light: null,
  /** What lies on them while no feature map does. @type {Map2d | null} */
  under: null,
  strength: 0.7,
};
let wanted = "";

function draw() {
  const { pixels, strength } = drawn;
  const light = drawn.light ?? drawn.under;
  if (!pixels || !shown.model) return;
  const { shape } = shown.model;
  if (pixels.length !== shape[0] * shape[1] * shape[2]) return;
  drawPixels(canvasOf(ids.IMAGE), pixels, shape, light && lightOf(light, shape, strength));
}

/** Lay a feature map over the image; null takes it off. @param {Map2d | null} light */
export function setLight(light) {
  if (drawn.light === null && light === null) return;
  drawn.light = light;
  draw();
}

/** Lay a map over the image that gives way to feature maps; null takes it off. @param {Map2d | null} under */
export function setUnder(under) {
  if (drawn.under === under) return;
  drawn.under = under;
  if (!drawn.light) draw();
}

/** @param {number} strength from 0 to 1 */
export function setStrength(strength) {
  drawn.strength = strength;
  if (drawn.light ?? drawn.under) draw();
}

/** @param {ShownRun} run @param {Shown} image */
async function load(run, image) {
  const mine = `${run.uuid}/${image.ordinal}`;
  wanted = mine;
  try {
    const pixels = await fetchPixels(run, image.ordinal);
    if (mine !== wanted) return;
    drawn.pixels = pixels;
    draw();
  } catch (error) {
    if (mine !== wanted) return;
    // The picture of the image before would stand under this one's caption.
    drawn.pixels = null;
    clearPixels(canvasOf(ids.IMAGE));
    notice(`The image could not be read: ${reason(error)}`);
  }
}

/** @param {Shown} image */
function drawCaption(image) {
  const { name } = image;
  const given = namesClasses() ? `predicted ${classOf(image.prediction)}` : answerWords(image);
  byId(ids.IMAGE_CAPTION).replaceChildren(
    div("caption-title", `Image ${count(image.ordinal)}`),
    name ? element("div", { class: "caption-name", title: name }, name) : "",
    verdict(image),
  );
  canvasOf(ids.IMAGE).setAttribute("aria-label", `Image ${image.ordinal}, ${given}`);
}

/** Show the image of a frame. */
export function showImage() {
  const here = whole();
  if (!here) return;
  load(here.run, here.image);
  drawCaption(here.image);
  drawAnswers(here.image);
}

/** The image in a line: its number, its prediction, and whether that is right. */
export function imageWords() {
  const here = whole();
  if (!here) return [];
  const { image, run } = here;
  const title = `Image ${count(image.ordinal)} of ${count(run.stored)}`;
  if (!namesClasses()) return [title, [answerWords(image), truthWords(image)].filter(Boolean).join(" — ")];
  const wrong = isWrong(image) ? `, is ${classOf(image.label ?? -1)}` : " (right)";
  return [title, `predicted ${classOf(image.prediction)}${image.label === null ? "" : wrong}`];
}
