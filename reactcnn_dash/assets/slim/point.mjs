/* The open network: what it is worth, its widths layer by layer, and where it can be taken. */
import { byId, div, element, paragraph, span, toolButton } from "../base/dom.mjs";
import { count, large, percent, plural, share } from "../base/format.mjs";
import { addressOf, comparePage, livePage, queryOf } from "../base/links.mjs";
import { explained } from "../base/terms.mjs";
import * as ids from "../generated/ids.mjs";
import { changeText, methodOf } from "./figures.mjs";
import { openPoint, page } from "./slims.mjs";
import { view } from "./view.mjs";

/** @import { Point, Width } from "../generated/slim.d.ts" */

let drawn = "";

/** @param {string} words @param {string | null} href @param {string} title @param {string} [name] of a file */
const action = (words, href, title, name) =>
  href === null
    ? null
    : element("a", { class: "text-button link-button", href, title, download: name ?? null }, words);

/** @param {Point} point */
function actions(point) {
  const whole = point.before ?? page.said?.run.id ?? null;
  return div(
    "slim-actions",
    action(
      "Open its run",
      point.after === null ? null : livePage({ run: point.after }),
      "The slim network in the live page",
    ),
    action(
      "Compare",
      point.before === null || point.after === null ? null : comparePage(point.before, point.after),
      "The whole and the slim network side by side",
    ),
    action(
      "Filters that go, in red",
      whole === null ? null : livePage({ run: whole, gone: point.id }),
      "The whole network in the live page, with the filters that go in red",
    ),
    action(
      "Download model",
      point.file ? addressOf(`/slims/model?${queryOf({ id: point.id })}`) : null,
      point.path,
      "",
    ),
    action(
      "Channel map",
      addressOf(`/slims/channels?${queryOf({ id: point.id })}`),
      "Which filter of the whole network each one is, as JSON",
      "",
    ),
  );
}

/** @param {Width} width */
function bar({ name, before, after }, most = before) {
  const part = (/** @type {string} */ kind, /** @type {number} */ n) => {
    const node = span(kind);
    node.style.width = `${((100 * n) / Math.max(1, most)).toFixed(2)}%`;
    return node;
  };
  const words = `${name}: ${after} of ${before} filters stay`;
  return element(
    "div",
    { class: "slim-width", role: "listitem", title: words, "aria-label": words },
    span("slim-width-name", name),
    span("slim-width-track", part("slim-width-before", before), part("slim-width-after", after)),
    span("slim-width-count", `${count(after)} / ${count(before)}`),
  );
}

/** Widths before and after, a bar a layer. @param {readonly Width[]} layers */
export function widths(layers) {
  const most = Math.max(...layers.map((layer) => layer.before));
  return element(
    "div",
    { class: "slim-widths", role: "list", "aria-label": "Filters of each layer, before and after" },
    ...layers.map((layer) => bar(layer, most)),
  );
}

/** @param {string} name @param {string} value @param {string} [more] */
const fact = (name, value, more = "") =>
  div("slim-fact", span("small", ...explained(name)), element("strong", {}, value), span("small", more));

/** @param {Point} point */
function facts(point) {
  const found = point.accuracy ?? point.agreement;
  const { speed } = point;
  return div(
    "slim-facts",
    fact(
      point.accuracy ? "accuracy" : "same class",
      found ? percent(found.after) : "–",
      point.accuracy ? `was ${percent(point.accuracy.before)}` : "",
    ),
    fact("parameters", share(point.parameters), count(point.parametersCount)),
    fact("multiply-adds", share(point.multiplyAdds), large(point.multiplyAddsCount)),
    fact(
      "images a second",
      speed ? `${(speed[1] / speed[0]).toFixed(2)} ×` : "–",
      speed ? `${count(Math.round(speed[1]))}, was ${count(Math.round(speed[0]))}` : "",
    ),
  );
}

/** @param {Point} point */
function words(point) {
  const lines = [
    changeText(point) + (point.images && (point.accuracy || point.agreement) ? "." : ""),
    `${plural(point.gone, "filter")} ${point.gone === 1 ? "goes" : "go"}, units of dense layers counted; those that stay were chosen: ${methodOf(point.method).label}.`,
    point.explained === null
      ? ""
      : `The median filter that goes is explained by R² = ${point.explained.toFixed(2)} by those that stay, on images that were not fitted.`,
    point.calibration
      ? `Slimmed with ${point.calibration}${point.fineTuned ? `, then trained ${plural(point.fineTuned, "epoch")}` : ", not trained"}.`
      : "",
    point.slimmedWith
      ? "Measured with images that it was slimmed with: its figure may be a little too good."
      : "",
    point.file ? "" : `Its file, ${point.path}, is not on the machine of this server any more.`,
  ];
  return lines.filter(Boolean).map((line) => paragraph("small", ...explained(line)));
}

/** @param {Point} point */
function parts(point) {
  const shut = () => view.set({ point: null });
  const close = toolButton("close", "Close the network", shut, { title: "Close (Escape)" });
  const left = point.whole.map(([name, why]) => element("li", {}, `${name}: ${why}`));
  return [
    div("slim-card-head", element("h2", { title: point.path }, point.name), span("spacer"), close),
    facts(point),
    actions(point),
    ...words(point),
    widths(point.layers),
    left.length
      ? element(
          "details",
          { class: "small" },
          element("summary", {}, `${plural(left.length, "layer")} left whole`),
          element("ul", {}, ...left),
        )
      : null,
  ];
}

const hint = () => [
  element("h2", {}, "A network of the curve"),
  paragraph(
    "small",
    "Choose a point of the curve or a row of the table: its widths layer by layer stand here, and where it can be opened, compared and downloaded.",
  ),
];

/** Bring the open network in line with the view. */
export function drawPoint() {
  const place = byId(ids.SLIM_POINT);
  const point = openPoint();
  place.hidden = !page.said?.points.length;
  const key = JSON.stringify(point);
  if (key === drawn) return;
  drawn = key;
  place.replaceChildren(...(point ? parts(point) : hint()).filter((one) => one !== null));
  place.scrollTop = 0;
}
