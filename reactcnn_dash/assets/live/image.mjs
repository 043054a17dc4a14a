/* The current image, its label and prediction, and the class probabilities. */
import { byId, canvasOf, element, track } from "../base/dom.mjs";
import { answer, count, probability } from "../base/format.mjs";
import { notice, reason } from "../base/notice.mjs";
import { drawPixels, fetchPixels, lightOf } from "../base/pixels.mjs";
import * as ids from "../generated/ids.mjs";
import { answerOf, classOf, namesClasses, shown, whole } from "./shown.mjs";

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
    if (mine === wanted) notice(`The image could not be read: ${reason(error)}`);
  }
}

/** Whether a prediction is wrong, as far as one knows. @param {Shown} image */
const isWrong = ({ label, prediction }) => label !== null && label !== prediction;

/** The labels that are given to an image, or its values, in words. @param {Shown} image */
function answerWords({ probabilities }) {
  const { answers, thresholds } = shown.model ?? { answers: "none", thresholds: [] };
  if (answers === "labels") {
    const given = probabilities.filter(([i, p]) => p !== null && p >= thresholds[i]);
    return given.length ? given.map(([i]) => classOf(i)).join(", ") : "no label";
  }
  if (answers !== "values") return "no answer stored";
  if (probabilities.length > 1) return `${probabilities.length} values`;
  const [[, value]] = probabilities;
  return answer(value);
}

/** @param {Shown} image */
function verdict(image) {
  const { label } = image;
  if (!namesClasses()) {
    return element("div", { class: "verdict" }, element("strong", {}, answerWords(image)));
  }
  const wrong = isWrong(image);
  return element(
    "div",
    { class: wrong ? "verdict wrong" : "verdict" },
    "predicted ",
    element("strong", {}, classOf(image.prediction)),
    label === null ? null : wrong ? " — wrong, it is " : " — right",
    wrong ? element("strong", {}, classOf(label ?? -1)) : null,
  );
}

/** @param {Shown} image */
function drawCaption(image) {
  const { name } = image;
  const given = namesClasses() ? `predicted ${classOf(image.prediction)}` : answerWords(image);
  byId(ids.IMAGE_CAPTION).replaceChildren(
    element("div", { class: "caption-title" }, `Image ${count(image.ordinal)}`),
    name ? element("div", { class: "caption-name", title: name }, name) : "",
    verdict(image),
  );
  canvasOf(ids.IMAGE).setAttribute("aria-label", `Image ${image.ordinal}, ${given}`);
}

/** @type {Record<string, string>} */
const TITLES = {
  classes: "Class probabilities",
  labels: "Labels",
  values: "Values",
  none: "Answer",
};

/** What stands behind a name: a bar and a share, or a value. @param {number} index @param {number | null} value */
function figures(index, value) {
  const { answers, thresholds } = shown.model ?? { answers: "classes", thresholds: [] };
  if (answers === "values") {
    return [element("span", {}), element("span", { class: "bar-value" }, answer(value))];
  }
  const bar = track(value ?? 0);
  const threshold = thresholds[index];
  if (threshold === undefined) return [bar, element("span", { class: "bar-value" }, probability(value))];
  const mark = element("span", { class: "bar-threshold", "aria-hidden": "true" });
  mark.style.left = `${100 * threshold}%`;
  bar.append(mark);
  const of = `given from ${probability(threshold)} on`;
  return [bar, element("span", { class: "bar-value", title: of }, probability(value))];
}

/** @param {Shown} image */
function drawBars({ probabilities, prediction, label }) {
  const { answers, thresholds } = shown.model ?? { answers: "classes", thresholds: [] };
  byId(ids.ANSWERS_TITLE).textContent = TITLES[answers];
  if (answers === "none") {
    const line = element("p", { class: "small", role: "listitem" }, `${answerOf()}.`);
    byId(ids.PROBABILITIES).replaceChildren(line);
    return;
  }
  const given = (/** @type {number} */ index, /** @type {number | null} */ p) =>
    answers === "labels" ? p !== null && p >= thresholds[index] : index === prediction;
  const bars = probabilities.map(([index, p]) => {
    const kind = `bar${given(index, p) ? " predicted" : ""}${index === label ? " label" : ""}`;
    return element(
      "div",
      { class: kind, role: "listitem" },
      element("span", { class: "bar-name", title: classOf(index) }, classOf(index)),
      ...figures(index, p),
    );
  });
  byId(ids.PROBABILITIES).replaceChildren(...bars);
}

/** Show the image of a frame. */
export function showImage() {
  const here = whole();
  if (!here) return;
  load(here.run, here.image);
  drawCaption(here.image);
  drawBars(here.image);
}

/** The image in a line: its number, its prediction, and whether that is right. */
export function imageWords() {
  const here = whole();
  if (!here) return [];
  const { image, run } = here;
  const title = `Image ${count(image.ordinal)} of ${count(run.stored)}`;
  if (!namesClasses()) return [title, answerWords(image)];
  const wrong = isWrong(image) ? `, is ${classOf(image.label ?? -1)}` : " (right)";
  return [title, `predicted ${classOf(image.prediction)}${image.label === null ? "" : wrong}`];
}
