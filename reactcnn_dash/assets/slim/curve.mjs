/* The curve: what was measured of each network, against what it still needs. */
import { axes, linePath, onChoose, rules, text } from "../base/chart.mjs";
import { byId, div, element, paragraph, span, svg } from "../base/dom.mjs";
import { count, percent, share } from "../base/format.mjs";
import { hideTip, placeOf, tip } from "../base/tip.mjs";
import * as ids from "../generated/ids.mjs";
import { across, changeText, comparable, measured, methodOf, roomFor, ticks } from "./figures.mjs";
import { originLine, page } from "./slims.mjs";
import { view } from "./view.mjs";

/** @import { Point } from "../generated/slim.d.ts" */
/** @import { Axis } from "../base/chart.mjs" */

const HEIGHT = 290;
const PAD = { left: 52, right: 22, top: 24, bottom: 40 };
const SIZE = 6;
const NAMES = /** @type {Record<string, string>} */ ({
  parameters: "parameters that stay",
  "multiply-adds": "multiply-adds that stay",
  speed: "images a second",
});
let drawn = "";

/**
 * A point's shape around 0, 0.
 * @param {string} kind
 * @param {number} r
 */
function shapePath(kind, r) {
  const paths = /** @type {Record<string, string>} */ ({
    circle: `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
    square: `M${-r},${-r}H${r}V${r}H${-r}Z`,
    triangle: `M0,${-1.2 * r}L${1.15 * r},${r}H${-1.15 * r}Z`,
    diamond: `M0,${-1.35 * r}L${1.35 * r},0L0,${1.35 * r}L${-1.35 * r},0Z`,
    cross: `M${-r},${-r}L0,${-r / 3}L${r},${-r}L${r / 3},0L${r},${r}L0,${r / 3}L${-r},${r}L${-r / 3},0Z`,
    star: `M0,${-1.4 * r}L${0.4 * r},${-0.4 * r}L${1.4 * r},0L${0.4 * r},${0.4 * r}L0,${1.4 * r}L${-0.4 * r},${0.4 * r}L${-1.4 * r},0L${-0.4 * r},${-0.4 * r}Z`,
  });
  return paths[kind] ?? paths.circle;
}

/** @param {number} value @param {string} against */
const acrossText = (value, against) => (against === "speed" ? count(Math.round(value)) : share(value));

/** @param {Point} point */
function told(point) {
  return [
    point.name,
    changeText(point),
    `${share(point.parameters)} of the parameters, ${share(point.multiplyAdds)} of the multiply-adds stay`,
    point.speed
      ? `${count(Math.round(point.speed[1]))} images a second, ${count(Math.round(point.speed[0]))} when whole`
      : "",
    `filters stay: ${methodOf(point.method).label}${point.fineTuned ? `; trained ${point.fineTuned} epochs` : ""}`,
    point.slimmedWith ? "measured with images that it was slimmed with" : "",
  ].filter(Boolean);
}

/** @param {Point} point @param {Axis} x @param {Axis} y @param {string} against */
function mark(point, x, y, against) {
  const found = /** @type {import("../generated/slim.d.ts").Measured} */ (measured(point));
  const [left, top] = [x(/** @type {number} */ (across(point, against))), y(found.after)];
  const { shape } = methodOf(point.method);
  const whiskers = found.after95
    ? svg("path", {
        class: "slim-whisker",
        d: `M${left},${y(found.after95[0])}V${y(found.after95[1])}`,
      })
    : null;
  const node = svg(
    "g",
    {
      class: `slim-mark slim-method-${point.method}${point.slimmedWith ? " hollow" : ""}`,
      "data-point": point.id,
      tabindex: 0,
      role: "button",
      "aria-label": told(point).join(". "),
      "aria-pressed": String(point.id === view.now.point),
    },
    whiskers,
    svg("path", { class: "slim-hit", d: shapePath("circle", 13), transform: `translate(${left},${top})` }),
    svg("path", { class: "slim-shape", d: shapePath(shape, SIZE), transform: `translate(${left},${top})` }),
  );
  node.addEventListener("pointermove", (event) => tip(told(point), placeOf(event)));
  node.addEventListener("pointerleave", hideTip);
  onChoose(node, () => view.set({ point: point.id === view.now.point ? null : point.id }));
  return node;
}

/** The whole network, as each point knows it. @param {readonly Point[]} shown @param {string} against */
function whole(shown, against) {
  const newest = /** @type {Point} */ (shown.at(-1));
  const height = /** @type {import("../generated/slim.d.ts").Measured} */ (measured(newest)).before;
  return { x: against === "speed" ? (newest.speed?.[0] ?? 0) : 1, y: height };
}

/** @param {readonly Point[]} shown @param {number} width */
function picture(shown, width) {
  const { against } = view.now;
  const base = whole(shown, against);
  const xs = shown.map((point) => /** @type {number} */ (across(point, against)));
  const finds = shown.map(
    (point) => /** @type {import("../generated/slim.d.ts").Measured} */ (measured(point)),
  );
  const ys = finds.flatMap(({ after, after95 }) => [after, ...(after95 ?? [])]);
  const xEnds =
    against === "speed"
      ? roomFor([...xs, base.x], [0, Infinity])
      : /** @type {[number, number]} */ ([0, 1.03]);
  const yEnds = roomFor([...ys, base.y], [0, 1]);
  const { x, y } = axes({ width, height: HEIGHT, pad: PAD }, xEnds, yEnds);
  const steps = ticks(yEnds, 5);
  const digits = steps.length > 1 && steps[1] - steps[0] < 0.0099 ? 1 : 0;
  const lines = [...new Set(shown.map((point) => point.method))].map((method) => {
    const mine = shown
      .filter((point) => point.method === method && !point.fineTuned)
      .map((point) => [across(point, against), /** @type {any} */ (measured(point)).after])
      .toSorted((a, b) => a[0] - b[0]);
    return svg("path", {
      class: `slim-line slim-method-${method}`,
      d: linePath(
        mine.map(([one]) => x(one)),
        mine.map(([, one]) => y(one)),
      ),
    });
  });
  return svg(
    "svg",
    {
      class: "slim-picture",
      width,
      height: HEIGHT,
      viewBox: `0 0 ${width} ${HEIGHT}`,
      role: "group",
      "aria-label": titleText(shown),
    },
    ...rules({ width, pad: PAD }, steps, y, (value) => percent(value, digits)),
    ...ticks(xEnds, 6).map((value) => text(acrossText(value, against), x(value), HEIGHT - 22, "middle")),
    text(NAMES[against], (PAD.left + width - PAD.right) / 2, HEIGHT - 6, "middle", {
      class: "chart-tick slim-axis",
    }),
    svg("line", { class: "chart-target", x1: PAD.left, x2: width - PAD.right, y1: y(base.y), y2: y(base.y) }),
    ...lines,
    svg("path", {
      class: "slim-whole",
      d: shapePath("diamond", SIZE),
      transform: `translate(${x(base.x)},${y(base.y)})`,
    }),
    text("whole", Math.min(x(base.x), width - PAD.right - 8), y(base.y) - 12, "middle"),
    ...shown.map((point) => mark(point, x, y, against)),
  );
}

/** @param {readonly Point[]} shown */
function titleText(shown) {
  const newest = shown.at(-1);
  if (!newest) return "What it costs to be smaller";
  const what = newest.accuracy ? "Accuracy" : "Images that keep their class";
  return `${what} over ${count(newest.images)} images of ${newest.source}`;
}

function nothing() {
  return div(
    "slim-nothing",
    element("h2", {}, "No slim network was measured yet"),
    paragraph(
      "small",
      "Most filters of a trained network are sums of others, though they look like none of them. Choose how much may stay, and try it: the filters that go are cut, their work is handed over to the next layer by least squares, and the smaller network is run over the images.",
    ),
  );
}

/** @param {readonly Point[]} shown */
function legend(shown) {
  const methods = [...new Set(shown.map((point) => point.method))];
  const parts = methods.map((method) =>
    span(
      "slim-key",
      svg(
        "svg",
        {
          width: 14,
          height: 14,
          viewBox: "-8 -8 16 16",
          class: `slim-method-${method}`,
          "aria-hidden": "true",
        },
        svg("path", { class: "slim-shape", d: shapePath(methodOf(method).shape, 5) }),
      ),
      methodOf(method).label,
    ),
  );
  const left = (page.said?.points.length ?? 0) - shown.length;
  if (shown.some((point) => point.slimmedWith))
    parts.push(span("slim-key", "hollow: measured with the images that it was slimmed with"));
  if (left && shown.length) parts.push(span("slim-key", `${left} measured otherwise, in the table only`));
  return parts;
}

/** Bring the curve in line with what is known and the view. */
export function drawCurve() {
  const { said } = page;
  if (!said) {
    drawn = "";
    return;
  }
  const place = byId(ids.SLIM_CURVE);
  const width = Math.max(320, place.clientWidth || 640);
  const key = JSON.stringify([said, view.now, width]);
  if (key === drawn) return;
  drawn = key;
  const focused = place.contains(document.activeElement)
    ? /** @type {HTMLElement} */ (document.activeElement).dataset.point
    : undefined;
  const shown = comparable(said.points, view.now.against);
  byId(ids.SLIM_TITLE).textContent = titleText(shown);
  place.replaceChildren(
    ...[originLine()].filter((one) => one !== null),
    shown.length ? picture(shown, width) : nothing(),
  );
  byId(ids.SLIM_LEGEND).replaceChildren(...legend(shown));
  if (focused) /** @type {SVGElement | null} */ (place.querySelector(`[data-point="${focused}"]`))?.focus();
}
