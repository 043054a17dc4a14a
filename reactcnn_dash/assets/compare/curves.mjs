/* An experiment: each figure of its epochs as a curve, known pair by pair. */
import { askUntilDone, NOT_BEGUN } from "../base/asker.mjs";
import { axes, labels, linePath, onChoose, rules, text, thirds } from "../base/chart.mjs";
import { colours } from "../base/colours.mjs";
import { byId, div, element, paragraph, span, svg } from "../base/dom.mjs";
import { count } from "../base/format.mjs";
import { notice, reason } from "../base/notice.mjs";
import { hideTip, tip, placeOf as windowPlace } from "../base/tip.mjs";
import * as ids from "../generated/ids.mjs";
import { progress } from "./comparison.mjs";
import {
  calledOf,
  chartsOf,
  domainOf,
  epochOf,
  isBlank,
  knownPairs,
  linesOf,
  pairAt,
  placesOf,
  shownValue,
  tickText,
} from "./epochs.mjs";
import { AFRESH, view } from "./view.mjs";

/** @import { Experiment } from "../generated/compare.d.ts" */
/** @import { Axis, Ends } from "../base/chart.mjs" */
/** @import { Chart, Lines } from "./epochs.mjs" */

/** What a chart is drawn in: the experiment, the room, and where its epochs and values stand. @typedef {{ said: Experiment, width: number, height: number, xs: number[], y: Axis }} Frame */

const PAD = { left: 40, right: 10, top: 26, bottom: 22 };
const INSET = 8;
const LABEL = 34;
const NAMES = /** @type {Record<string, string>} */ ({
  last: "the last",
  first: "the first",
  previous: "the one before",
});
let wanted = "";
/** @type {Experiment | null} */
let said = null;

/** @param {string} layer @param {number} i @param {number} n layers */
function colourOf(layer, i, n) {
  if (!layer) return "var(--accent)";
  return colours().css[Math.round(70 + (184 * i) / Math.max(1, n - 1))];
}

/** The chosen layer if it has a line. @param {Experiment} experiment */
function chosenLayer(experiment) {
  const { layer } = view.now;
  return layer && knownPairs(experiment).some((pair) => pair.layers.includes(layer)) ? layer : null;
}

/** @param {Experiment} experiment @param {number} i */
function openPair(experiment, i) {
  const pair = pairAt(experiment, i);
  if (pair) view.set({ experiment: null, a: pair.a, b: pair.b, ...AFRESH });
}

/**
 * @param {Experiment} experiment
 * @param {Chart} chart
 * @param {Lines} lines
 * @param {number} i
 */
function tipLines(experiment, chart, lines, i) {
  const chosen = chosenLayer(experiment);
  const head = calledOf(experiment, experiment.runs[i]);
  const told = (/** @type {(number | null)[]} */ line) => `${chart.name} ${shownValue(chart, line[i])}`;
  const whole = lines.get("");
  if (whole) return [told(whole), head];
  const own = chosen && lines.get(chosen);
  if (own) return [told(own), `${chosen} · ${head.toLowerCase()}`];
  const values = [...lines].flatMap(([layer, line]) => {
    const value = line[i];
    return value === null ? [] : [{ layer, value }];
  });
  if (!values.length) return [head, "not known yet"];
  values.sort((one, other) => one.value - other.value);
  const words = ({ layer, value } = values[0]) => `${layer} ${shownValue(chart, value)}`;
  return [
    `${chart.name} · ${head.toLowerCase()}`,
    `highest: ${words(values[values.length - 1])}`,
    `lowest: ${words(values[0])}`,
  ];
}

/**
 * What is pointed at and clicked: each epoch has the room up to the middle to its neighbours.
 * @param {Chart} chart
 * @param {Lines} lines
 * @param {Frame} frame
 * @param {boolean} first whether the keyboard comes to this chart's epochs
 */
function bands(chart, lines, { said: experiment, width, height, xs }, first) {
  const last = xs.length - 1;
  const edge = (/** @type {number} */ i) => {
    if (i < 0) return PAD.left;
    return i >= last ? width : (xs[i] + xs[i + 1]) / 2;
  };
  return experiment.runs.map((run, i) => {
    const words = () => tipLines(experiment, chart, lines, i);
    const band = svg("rect", {
      class: "chart-band",
      x: edge(i - 1),
      y: PAD.top - 6,
      width: edge(i) - edge(i - 1),
      height: height - PAD.top - PAD.bottom + 12,
      role: "button",
      "aria-label": `${calledOf(experiment, run)}: ${words()[0]}. Open its comparison`,
      tabindex: first ? "0" : "-1",
      "data-epoch": epochOf(experiment, run),
      onpointermove: (/** @type {PointerEvent} */ event) => tip(words(), windowPlace(event)),
    });
    onChoose(band, () => openPair(experiment, i));
    return band;
  });
}

/** @param {Lines} lines @param {Frame} frame */
function curves(lines, { said: experiment, xs, y }) {
  const chosen = chosenLayer(experiment);
  const names = [...lines.keys()];
  // The chosen one is drawn last, above the others.
  const order = [...names].sort((one, other) => Number(one === chosen) - Number(other === chosen));
  return order.flatMap((name) => {
    const values = lines.get(name) ?? [];
    const ys = values.map((value) => (value === null ? null : y(value)));
    const strong = !name || name === chosen;
    const faint = chosen !== null && !strong;
    const stroke = strong ? "var(--accent)" : colourOf(name, names.indexOf(name), names.length);
    const kind = `chart-line${faint ? " faint" : ""}${strong ? " strong" : ""}`;
    const path = svg("path", { class: kind, d: linePath(xs, ys), stroke, "data-layer": name });
    const alone = ys.filter((at) => at !== null).length < 2;
    if (faint || !(strong || alone)) return [path];
    const dots = ys.flatMap((at, i) =>
      at === null
        ? []
        : [svg("circle", { cx: xs[i], cy: at, r: strong ? 3 : 2, fill: stroke, class: "chart-point" })],
    );
    return [path, ...dots];
  });
}

/**
 * @param {Experiment} experiment
 * @param {Chart} chart
 * @param {{ width: number, height: number }} size
 * @param {boolean} first
 */
function drawChart(experiment, chart, size, first) {
  const lines = linesOf(experiment, chart);
  const picture = svg(
    "svg",
    { class: "chart-picture", ...size, role: "group", "aria-label": chart.name, "data-chart": chart.name },
    text(chart.name, PAD.left - 30, 14, "start", { class: "chart-title" }),
  );
  const { width, height } = size;
  const [known] = knownPairs(experiment);
  if (chart.without && isBlank(lines) && known) {
    picture.append(text(chart.without(known), width / 2, height / 2, "middle"));
    return div("chart", picture);
  }
  /** @type {Ends} */
  const ends = domainOf(chart, lines);
  const room = { width, height, pad: PAD, inset: INSET };
  const { x, y } = axes(room, [0, 1], ends);
  const frame = { said: experiment, width, height, xs: placesOf(experiment.runs).map(x), y };
  const reach = ends[1] - ends[0];
  picture.append(
    ...rules(room, thirds(ends), y, (value) => tickText(chart, value, reach)),
    ...labels(frame.xs, height - 6, LABEL, (i) =>
      String(epochOf(experiment, experiment.runs[i])).slice(0, 9),
    ),
    ...curves(lines, frame),
    ...bands(chart, lines, frame, first),
  );
  picture.addEventListener("pointerleave", hideTip);
  return div("chart", picture);
}

/** @param {Experiment} experiment */
function chips(experiment) {
  const layers = [...new Set(knownPairs(experiment).flatMap((pair) => pair.layers))];
  const chosen = chosenLayer(experiment);
  return element(
    "div",
    { class: "curve-layers", role: "group", "aria-label": "Layer" },
    span("small", "Layer"),
    ...layers.map((layer, i) => {
      const swatch = span("swatch");
      swatch.style.background = colourOf(layer, i, layers.length);
      return element(
        "button",
        {
          class: "chip",
          type: "button",
          "aria-pressed": String(layer === chosen),
          onclick: () => view.set({ layer: layer === chosen ? null : layer }),
        },
        swatch,
        layer,
      );
    }),
  );
}

/** @param {Experiment} experiment */
function failures({ pairs }) {
  const messages = pairs.flatMap((pair) => ("message" in pair && pair.message ? [pair.message] : []));
  if (!messages.length) return "";
  const words = `${count(messages.length)} of ${count(pairs.length)} pairs do not compare: ${messages[0]}`;
  return paragraph("small curve-failures", words);
}

/** Draw all charts into the room there is. */
export function drawCurves() {
  const place = byId(ids.COMPARE_CURVES);
  const experiment = view.now.experiment === null ? null : said;
  place.hidden = !experiment;
  if (!experiment) return;
  const { name, runs, against } = experiment;
  const head = `${name}: ${count(runs.length)} epochs, each against ${NAMES[against]}. Click an epoch to open its comparison.`;
  const charts = div("charts");
  place.replaceChildren(paragraph("curves-head", head), failures(experiment), chips(experiment), charts);
  const across = charts.clientWidth >= 1500 ? 5 : 4;
  const charted = chartsOf(experiment);
  const down = Math.ceil(charted.length / across);
  const width = Math.floor((charts.clientWidth - 12 * (across - 1)) / across);
  const height = Math.max(140, Math.min(300, Math.floor((charts.clientHeight - 12 * (down - 1)) / down)));
  charts.style.gridTemplateColumns = `repeat(${across}, ${width}px)`;
  charts.append(...charted.map((chart, i) => drawChart(experiment, chart, { width, height }, i === 0)));
}

/** @param {Experiment} waiting */
function running(waiting) {
  // Charts that nothing was added to stay: whoever points at one is about to press.
  const grown = said?.name !== waiting.name || said.known !== waiting.known;
  said = waiting;
  progress(
    { ...NOT_BEGUN, ...waiting },
    `${count(waiting.known)} of ${count(waiting.pairs.length)} pairs compared · `,
  );
  if (grown) drawCurves();
}

/** Bring the curves in line with the view. */
export async function askExperiment() {
  const { experiment, against, method, parameter } = view.now;
  const values = { name: experiment, against, method, parameter };
  const key = experiment ? JSON.stringify(values) : "";
  if (key === wanted) {
    drawCurves();
    return;
  }
  wanted = key;
  said = null;
  drawCurves();
  if (!key) return;
  const still = () => key === wanted;
  notice(null);
  try {
    /** @type {Experiment | null} */
    const done = await askUntilDone("/comparisons/experiment", values, still, running);
    if (!done) return;
    said = done;
    progress(null);
    drawCurves();
  } catch (error) {
    if (!still()) return;
    progress(null);
    notice(reason(error));
  }
}
