/* The slider over the whole run: a thumbnail while it is dragged, and marks where odd images are. */
import { byId, div, element, svg } from "../base/dom.mjs";
import { count } from "../base/format.mjs";
import { notice, reason } from "../base/notice.mjs";
import { drawPixels, fetchPixels } from "../base/pixels.mjs";
import * as ids from "../generated/ids.mjs";
import { ofRun } from "./deviations.mjs";
import { goTo } from "./poll.mjs";
import { shown } from "./shown.mjs";

/** @import { KnownRun } from "./deviations.mjs" */

const HEIGHT = 6;
// More than these run into each other.
const MANY = 100;

const input = element("input", { type: "range", min: "0", step: "1", "aria-label": "Image of the run" });
const thumbnail = element("canvas", { class: "pixelated", "aria-hidden": "true" });
const words = div("small");
const bubble = element("div", { class: "slider-bubble", hidden: "" }, thumbnail, words);
const path = svg("path", { "vector-effect": "non-scaling-stroke" });
const UNKNOWN = "Odd images, which are not known yet";
const marks = svg(
  "svg",
  { class: "slider-marks", preserveAspectRatio: "none", role: "img", "aria-label": UNKNOWN },
  path,
);

let dragging = false;
let loading = false;
/** @type {KnownRun | null} */
let marked = null;
let length = 0;

export function buildSlider() {
  input.addEventListener("input", drag);
  input.addEventListener("change", drop);
  // A drag that ends where it began changes nothing, so no change is told.
  for (const end of ["pointerup", "pointercancel", "blur"]) input.addEventListener(end, rest);
  byId(ids.SLIDER).replaceChildren(input, marks, bubble);
}

/** While one thumbnail is on its way no other is asked for; then the newest place is. */
async function load() {
  const { run, model } = shown;
  if (loading || !dragging || !run || !model) return;
  loading = true;
  const ordinal = Number(input.value);
  try {
    drawPixels(thumbnail, await fetchPixels(run, ordinal), model.shape);
  } catch (error) {
    notice(`The image could not be read: ${reason(error)}`);
    return;
  } finally {
    loading = false;
  }
  if (ordinal !== Number(input.value)) load();
}

function drag() {
  dragging = true;
  const at = Number(input.value);
  bubble.style.left = `${(100 * at) / Math.max(1, Number(input.max))}%`;
  words.textContent = `Image ${count(at)}`;
  bubble.hidden = false;
  load();
}

function rest() {
  dragging = false;
  bubble.hidden = true;
}

function drop() {
  rest();
  goTo(Number(input.value));
}

/** Bring the slider in line with what is on the page. */
export function showSlider() {
  const { run, image } = shown;
  if (!run) return;
  input.max = String(Math.max(0, run.stored - 1));
  input.disabled = run.stored < 2;
  if (image && !dragging) input.value = String(image.ordinal);
  // The marks stay at their images while the run grows.
  if (run.stored === length) return;
  length = run.stored;
  marks.setAttribute("viewBox", `0 0 ${Math.max(1, length - 1)} ${HEIGHT}`);
}

/** Mark the odd images that are known of the run on the page. */
export function drawMarks() {
  const known = ofRun();
  if (known === marked) return;
  marked = known;
  const odd = known?.odd ?? [];
  path.setAttribute("d", odd.map((ordinal) => `M${ordinal} 0V${HEIGHT}`).join(""));
  const so = known?.provisional ? " so far; their scores are provisional" : "";
  marks.setAttribute("aria-label", known ? `${count(known.count)} odd images${so}` : UNKNOWN);
  marks.classList.toggle("many", odd.length > MANY);
  marks.classList.toggle("provisional", known?.provisional ?? false);
  marks.dataset.count = String(odd.length);
}
