/* The filters nearest to this one by r, those most opposite, and a scatter plot of one of them. */
import { axes, axis, endsOf, text } from "../base/chart.mjs";
import { byId, div, element, span, svg } from "../base/dom.mjs";
import { FORMULA, fewWords, greyFew } from "../base/few.mjs";
import { count, figure, filterAddress, interval, number } from "../base/format.mjs";
import * as ids from "../generated/ids.mjs";
import { known, layerName, say } from "./facts.mjs";
import { filterLink } from "./view.mjs";

/** @import { Neighbour } from "../generated/filter.d.ts" */

const PAD = { left: 40, right: 10, top: 8, bottom: 30 };
const TEXT = "scatter-text";
let beside = 0;

const all = () => [...known().nearest, ...known().opposite];

/** r and its interval on a line from −1 to 1. @param {Neighbour} one */
function track({ r, low, high }) {
  const width = window.innerWidth >= 1600 ? 170 : 90;
  const x = axis([-1, 1], [4, width - 4]);
  const line = (/** @type {string} */ kind, /** @type {number[]} */ [x1, x2, y1, y2]) =>
    svg("line", { class: kind, x1, x2, y1, y2 });
  return svg(
    "svg",
    { class: "r-track", width, height: 14, "aria-hidden": "true" },
    line("r-rule", [x(-1), x(1), 7, 7]),
    line("r-rule", [x(0), x(0), 3, 11]),
    line("r-interval", [x(low), x(high), 7, 7]),
    svg("circle", { class: "r-point", cx: x(r), cy: 7, r: 2.5 }),
  );
}

/** @param {Neighbour} one @param {number} place */
function row(one, place) {
  const name = layerName(known());
  const range = interval([one.low, one.high]);
  const words = `${filterAddress(name, one.filter)}: r ${figure(one.r, 2)}, 95 % interval ${range}. Open its page`;
  const show = () => {
    if (beside === place) return;
    beside = place;
    drawScatter();
  };
  return filterLink(
    known().run.id,
    name,
    one.filter,
    {
      class: "near-row",
      "aria-label": `:${one.filter} ${figure(one.r, 2)} ${range}. ${words}`,
      title: words,
      "data-filter": one.filter,
      onpointerenter: show,
      onfocus: show,
    },
    span("near-filter", `:${one.filter}`),
    " ",
    track(one),
    span("near-r of-few", figure(one.r, 2)),
    " ",
    span("near-interval", range),
  );
}

export function drawScatter() {
  const place = document.querySelector(".scatter");
  const one = all()[beside];
  if (!place || !one) return;
  document.querySelectorAll(".near-row").forEach((node, i) => {
    node.classList.toggle("shown", i === beside);
  });
  const { values, filter, state } = known();
  const [xs, ys] = [values[0], values[beside + 1]];
  const { clientWidth: width, clientHeight: height } = place;
  const [ends, sides] = [endsOf(xs), endsOf(ys)];
  const { x, y } = axes({ width, height, pad: PAD }, ends, sides);
  const [left, right, bottom] = [PAD.left, width - PAD.right, height - PAD.bottom];
  const points = xs.flatMap((value, i) => {
    const other = ys[i];
    if (value === null || other === null) return [];
    return svg("circle", { class: "scatter-point", cx: x(value).toFixed(1), cy: y(other).toFixed(1), r: 2 });
  });
  const write = (
    /** @type {string} */ words,
    /** @type {number} */ at,
    /** @type {number} */ down,
    /** @type {"start" | "middle" | "end"} */ anchor,
    kind = TEXT,
  ) => text(words, at, down, anchor, { class: kind });
  const r = `r ${figure(one.r, 2)} (${interval([one.low, one.high])})`;
  place.replaceChildren(
    svg(
      "svg",
      {
        width,
        height,
        role: "img",
        "aria-label": `GAP of ${filterAddress(layerName(known()), filter)} against :${one.filter} on ${xs.length} images`,
        "data-filter": one.filter,
      },
      svg("path", { class: "scatter-axis", d: `M${left},${PAD.top}V${bottom}H${right}` }),
      write(number(ends[0]), left, bottom + 12, "start"),
      write(number(ends[1]), right, bottom + 12, "end"),
      write(`GAP of :${filter}`, (left + right) / 2, bottom + 12, "middle"),
      write(number(sides[0]), left - 4, bottom, "end"),
      write(number(sides[1]), left - 4, PAD.top + 8, "end"),
      write(`:${one.filter}`, left - 4, (PAD.top + bottom) / 2, "end", `${TEXT} strong`),
      write(`${r} over ${count(state.images)} images, ${count(xs.length)} shown`, left, height - 4, "start"),
      ...points,
    ),
  );
}

export function drawNearest() {
  const { nearest, opposite, state } = known();
  beside = 0;
  if (!nearest.length) {
    const still = state.constant ? "A filter that never varies has no correlation." : null;
    const few = state.images < 2 ? "A correlation needs at least two images." : null;
    say(ids.FILTER_NEAREST, few ?? still ?? "No other filter of this layer varies.");
    return;
  }
  const list = (/** @type {Neighbour[]} */ some, from = 0) =>
    div("near-list", ...some.map((one, i) => row(one, from + i)));
  const few = fewWords(state.images);
  greyFew(byId(ids.FILTER_NEAREST), state.images);
  byId(ids.FILTER_NEAREST).replaceChildren(
    few ? element("p", { class: "small few", title: FORMULA }, few) : "",
    list(nearest),
    ...(opposite.length
      ? [element("h3", { class: "near-title" }, "Most opposite"), list(opposite, nearest.length)]
      : []),
    div("scatter"),
  );
  drawScatter();
}
