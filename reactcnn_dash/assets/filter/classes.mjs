/* The filter's values by class: a histogram a class on one axis, its mean, and its top images. */
import { axis, thirds } from "../base/chart.mjs";
import { byId, div, element, paragraph, span, svg } from "../base/dom.mjs";
import { count, number, numberOrDash } from "../base/format.mjs";
import { tellAt } from "../base/tip.mjs";
import * as ids from "../generated/ids.mjs";
import { classOf, known, say } from "./facts.mjs";
import { paintPictures, pictureLink, tops } from "./top-images.mjs";

const MOST = 12;
const WIDTH = 240;
const HEIGHT = 30;

/** The classes that have a row: those with images, highest mean first. */
export function shownClasses() {
  const { means } = known().classes;
  const having = means.flatMap((mean, index) => (mean === null ? [] : [{ mean, index }]));
  having.sort((one, other) => other.mean - one.mean || one.index - other.index);
  return having.slice(0, MOST).map(({ index }) => index);
}

/** Height goes with the root of the share: most filters are near 0 on most images. @param {readonly number[]} counts */
function outline(counts) {
  const most = Math.max(1, ...counts);
  const step = WIDTH / counts.length;
  const y = (/** @type {number} */ n) => (HEIGHT - 1 - (HEIGHT - 3) * Math.sqrt(n / most)).toFixed(1);
  const sides = counts.map(
    (n, i) => `L${(i * step).toFixed(1)},${y(n)}L${((i + 1) * step).toFixed(1)},${y(n)}`,
  );
  return `M0,${HEIGHT - 1}${sides.join("")}L${WIDTH},${HEIGHT - 1}Z`;
}

/** @param {number} index of a class */
function ridge(index) {
  const { counts, edges, means, ofClass, favourite } = known().classes;
  const bins = edges.length - 1;
  const x = axis([edges[0], edges[bins]], [0, WIDTH]);
  const name = classOf(known(), index);
  const at = x(means[index] ?? 0).toFixed(1);
  const picture = svg(
    "svg",
    {
      class: index === favourite ? "ridge favourite" : "ridge",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `${name}: mean ${numberOrDash(means[index])} over ${ofClass[index]} images`,
    },
    svg("path", { class: "ridge-area", d: outline(counts[index]) }),
    svg("line", { class: "ridge-mean", x1: at, x2: at, y1: 2, y2: HEIGHT - 1 }),
  );
  tellAt(picture, (event) => {
    const box = picture.getBoundingClientRect();
    const bin = Math.min(bins - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * bins)));
    return [
      `${name} · mean ${numberOrDash(means[index])}`,
      `${count(counts[index][bin])} of ${count(ofClass[index])} images from ${number(edges[bin])} to ${number(edges[bin + 1])}`,
    ];
  });
  return picture;
}

/** @param {number} index of a class */
function row(index) {
  const { means, favourite } = known().classes;
  const name = classOf(known(), index);
  return element(
    "div",
    {
      class: index === favourite ? "class-row favourite" : "class-row",
      role: "listitem",
      "data-class": index,
    },
    element("span", { class: "class-name", title: name }, name),
    ridge(index),
    span("class-mean", numberOrDash(means[index])),
    span("class-tops"),
  );
}

function axisRow() {
  const { edges } = known().classes;
  const ticks = thirds([edges[0], edges[edges.length - 1]]);
  return div(
    "class-row class-axis",
    element("span", {}, "GAP"),
    span("ticks", ...ticks.map((value) => element("span", {}, number(value)))),
    span("class-mean", "mean"),
    span("class-tops", "top images"),
  );
}

export function drawClasses() {
  const { run, classes } = known();
  const { means, images } = classes;
  const shown = shownClasses();
  if (!shown.length) {
    const why =
      run.answers === "classes"
        ? "No image of the sample has a class."
        : "The network names no class of an image, so there are no values by class.";
    say(ids.FILTER_CLASSES, why);
    return;
  }
  const having = means.filter((mean) => mean !== null).length;
  const rest = having > shown.length ? ` The ${shown.length} highest of ${count(having)} classes.` : "";
  const by = run.labelled ? "label, or prediction without one" : "prediction: the images have no labels";
  const over = images < run.stored ? `a sample of ${count(images)}` : `all ${count(images)}`;
  byId(ids.FILTER_CLASSES).replaceChildren(
    element(
      "div",
      { class: "class-rows", role: "list", "aria-label": "Values by class" },
      axisRow(),
      ...shown.map(row),
    ),
    paragraph("small", `Over ${over} images, by ${by}. Heights grow with the root of the share.${rest}`),
  );
  drawClassPictures();
}

/** Put the top images of each class into its row, once they are known. */
export function drawClassPictures() {
  const { found } = tops;
  if (!found) return;
  const rows = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".class-row[data-class]"));
  for (const one of rows) {
    const index = Number(one.dataset.class);
    const name = classOf(known(), index);
    const pictures = (found.byClass[index] ?? []).map((ordinal) =>
      pictureLink(ordinal, `Image ${count(ordinal)}, among the highest of ${name}. Open it on the live page`),
    );
    one.querySelector(".class-tops")?.replaceChildren(...pictures);
  }
  paintPictures();
}
