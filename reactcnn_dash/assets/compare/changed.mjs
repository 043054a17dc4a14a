/* The images whose prediction changed: a page of thumbnails at a time. */
import { show } from "../base/dash.mjs";
import { byId, element, paragraph, span, toolButton } from "../base/dom.mjs";
import { className, count } from "../base/format.mjs";
import { notice, reason } from "../base/notice.mjs";
import { drawPixels, fetchThumbnails } from "../base/pixels.mjs";
import * as ids from "../generated/ids.mjs";
import { CHANGED_A_PAGE } from "../generated/rules.mjs";
import { asked, asker, compared } from "./comparison.mjs";
import { UNNAMED } from "./epochs.mjs";
import { bothNameClasses } from "./head.mjs";
import { view } from "./view.mjs";

/** @import { ChangedImages, Compared } from "../generated/compare.d.ts" */

/** @type {Record<ChangedImages["kind"], string>} */
const NOTHING = {
  all: "Both runs say the same of every image in common.",
  corrected: "No image was corrected: none went from a wrong answer to the right one.",
  broken: "No image was broken: none went from the right answer to a wrong one.",
  between: "No image changed between wrong answers.",
};
let shown = "";

const ask = asker("changed", take);

/**
 * @param {ChangedImages["hits"][number]} hit
 * @param {string} kind
 * @param {readonly string[]} classes
 */
function tile([a, , label, before, after], kind, classes) {
  const name = (/** @type {number} */ index) => (index < 0 ? "no answer" : className(classes, index));
  const truth = label < 0 ? "" : `, it is ${name(label)}`;
  const said = `Image ${count(a)}: ${name(before)} in A, ${name(after)} in B${truth}`;
  return element(
    "div",
    { role: "listitem", class: "changed-item" },
    element(
      "button",
      {
        class: `changed-tile ${kind}`,
        type: "button",
        "data-ordinal": a,
        "aria-label": `${name(before)} ${name(after)}. ${said}`,
        title: said,
        onclick: () => view.set({ image: a }),
      },
      element("canvas", { class: "pixelated", width: "1", height: "1", "aria-hidden": "true" }),
      span("changed-before", name(before)),
      " ",
      span("changed-after", name(after)),
    ),
  );
}

/** @param {Compared} found @param {ChangedImages["hits"]} hits */
async function paint(found, hits) {
  try {
    const pictures = await fetchThumbnails(
      found.a,
      hits.map(([a]) => a),
    );
    if (found !== compared.found) return;
    const canvases = /** @type {NodeListOf<HTMLCanvasElement>} */ (
      byId(ids.COMPARE_CHANGED).querySelectorAll(".changed-tile canvas")
    );
    for (const canvas of canvases) {
      const picture = pictures.get(Number(canvas.parentElement?.dataset.ordinal));
      if (picture?.pixels) drawPixels(canvas, picture.pixels, picture.shape);
    }
  } catch (error) {
    notice(`The thumbnails could not be read: ${reason(error)}`);
  }
}

/** @param {ChangedImages} said */
function drawPages({ total, offset, hits }) {
  const last = Math.max(1, Math.ceil(total / CHANGED_A_PAGE));
  const { page } = view.now;
  const step = (/** @type {number} */ by, /** @type {string} */ words, /** @type {string} */ shape) =>
    toolButton(shape, words, () => view.set({ page: page + by }), {
      disabled: page + by < 1 || page + by > last ? "" : null,
    });
  const words = total ? `${count(offset + 1)}–${count(offset + hits.length)} of ${count(total)}` : "none";
  byId(ids.COMPARE_PAGES).replaceChildren(
    span("counts", words),
    step(-1, "Images before", "previous"),
    step(1, "Images after", "next"),
  );
}

/** @param {ChangedImages} said @param {Compared} found */
function take(said, found) {
  const { kind, kinds, total, hits } = said;
  drawPages(said);
  const place = byId(ids.COMPARE_CHANGED);
  place.scrollTop = 0;
  if (!total) {
    const told = kind === "all" || found.labelled;
    const unknown = "No image has a label in both runs, so nothing tells which answers are right.";
    const words = told ? NOTHING[kind] : unknown;
    const named = bothNameClasses(found);
    place.replaceChildren(paragraph("nothing", named ? words : `No prediction can change: ${UNNAMED}.`));
    return;
  }
  if (!hits.length) {
    view.settle({ page: 1 });
    return;
  }
  place.replaceChildren(...hits.map((hit, i) => tile(hit, kinds[i], found.a.classes)));
  paint(found, hits);
}

/** Bring the thumbnails in line with the view. */
export function drawChanged() {
  const { kind, page, tab } = view.now;
  show(ids.COMPARE_KIND, kind);
  const key = JSON.stringify([asked(), kind, page]);
  if (tab !== "images" || key === shown) return;
  shown = key;
  ask({ kind, offset: (Math.max(1, page) - 1) * CHANGED_A_PAGE });
}

export function forgetChanged() {
  shown = "";
  byId(ids.COMPARE_CHANGED).replaceChildren();
  byId(ids.COMPARE_PAGES).replaceChildren();
}
