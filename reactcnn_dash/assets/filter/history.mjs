/* The filter across checkpoints: its mean GAP and spread in each run, every point a link. */
import { ask } from "../base/asker.mjs";
import { axes, axis, bandPath, endsOf, labels, linePath, rules, thirds } from "../base/chart.mjs";
import { byId, div, paragraph, svg } from "../base/dom.mjs";
import { count, meanError, number, numberOrDash, percent } from "../base/format.mjs";
import { filterPage } from "../base/links.mjs";
import { reason } from "../base/notice.mjs";
import { tellAt } from "../base/tip.mjs";
import * as ids from "../generated/ids.mjs";
import { known, layerName, say } from "./facts.mjs";
import { view } from "./view.mjs";

/** @import { History, PastRun } from "../generated/filter.d.ts" */

/** A run in which the filter has finite values. @typedef {PastRun & { mean: number, low: number, high: number }} Point */

const PAD = { left: 44, right: 12, top: 8, bottom: 20 };
/** @type {History | null} */
let said = null;

/** @param {PastRun} run */
const nameOf = (run) => (said?.epochs ? `Epoch ${run.epoch}` : run.name);

/** @param {PastRun} run */
function tipLines(run) {
  const spread = `mean ${numberOrDash(run.mean)} ± ${numberOrDash(run.deviation)}`;
  const stands = run.dead
    ? "dead: always 0"
    : run.constant
      ? `constant: always ${numberOrDash(run.low)}`
      : spread;
  const error = run.error === null ? "" : ` · mean absolute error ${meanError(run.error)}`;
  const accuracy = run.accuracy === null ? "" : ` · accuracy ${percent(run.accuracy, 1)}`;
  const selective = run.selectivity === null ? "" : ` · class selectivity ${run.selectivity.toFixed(2)}`;
  return [
    `${nameOf(run)} · ${stands}${selective}`,
    `from ${numberOrDash(run.low)} to ${numberOrDash(run.high)}`,
    `${count(run.images)} images${accuracy}${error}`,
  ];
}

/** @param {PastRun} run @param {number} x @param {number} y */
function point(run, x, y) {
  const here = run.id === known().run.id;
  const link = svg(
    "a",
    {
      href: filterPage(run.id, layerName(known()), known().filter),
      class: `past${here ? " here" : ""}${run.constant ? " still" : ""}`,
      "aria-label": `${tipLines(run)[0]}${here ? ", this run" : ". Open the filter there"}`,
      "data-run": run.id,
    },
    svg("circle", { class: "past-hit", cx: x, cy: y, r: 11 }),
    svg("circle", { class: "past-point", cx: x, cy: y, r: here ? 5 : 4 }),
  );
  tellAt(link, () => tipLines(run));
  return link;
}

/** @param {History} history @param {number} width @param {number} height */
function picture({ runs: every, epochs }, width, height) {
  const runs = /** @type {Point[]} */ (every.filter((run) => run.mean !== null));
  /** The mean, so many deviations off, inside what there is. @param {number} sign */
  const edge = (sign) =>
    runs.map((run) => Math.min(run.high, Math.max(run.low, run.mean + sign * (run.deviation ?? 0))));
  const [highs, lows] = [edge(1), edge(-1)];
  const ends = endsOf([...highs, ...lows]);
  const room = { width, height, pad: PAD, inset: 10 };
  const only = runs.length === 1;
  const { x, y } = axes(room, only ? [-0.5, 0.5] : [0, runs.length - 1], ends);
  // Class selectivity has a scale of its own, over the whole height.
  const share = axis([0, 1], [height - PAD.bottom, PAD.top]);
  const xs = runs.map((_, i) => x(i));
  const selective = runs.map((run) => (run.selectivity === null ? null : share(run.selectivity)));
  return svg(
    "svg",
    { width, height, role: "group", "aria-label": "Mean GAP in each run" },
    ...rules(room, thirds(ends), y, number),
    svg("path", { class: "past-band", d: bandPath(xs, highs.map(y), lows.map(y)) }),
    svg("path", { class: "past-selectivity", d: linePath(xs, selective, true) }),
    svg("path", {
      class: "past-line",
      d: linePath(
        xs,
        runs.map((run) => y(run.mean)),
      ),
    }),
    ...runs.map((run, i) => point(run, xs[i], y(run.mean))),
    ...labels(xs, height - 5, epochs ? 30 : 90, (i) =>
      epochs ? String(runs[i].epoch) : runs[i].name.slice(0, 14),
    ),
  );
}

/** @param {History} history */
function caption({ experiment, epochs, runs }) {
  const whose = experiment ? `of ${experiment}` : "of this model over the same images";
  const dead = runs.filter((run) => run.dead).length;
  const still = dead ? ` Dead in ${count(dead)}.` : "";
  const selective = runs.some((run) => run.selectivity !== null)
    ? " Dashed: class selectivity, from 0 at the bottom to 1 at the top."
    : "";
  const rising = epochs && runs.every((run, i) => !i || (run.epoch ?? 0) > (runs[i - 1].epoch ?? 0));
  return `Mean GAP ± standard deviation in ${count(runs.length)} runs ${whose}${rising ? ", by epoch" : ", by age"}.${still}${selective}`;
}

export function drawHistory() {
  if (!said) return;
  if (said.runs.length < 2) {
    const more = said.experiment
      ? "Its experiment has no other run with this layer yet; a run that is still being collected joins when its statistics are first saved."
      : "Train with “python -m collector train”, or collect the same images with another checkpoint of this model: the filter's way through them appears here.";
    say(ids.FILTER_HISTORY, `Only this run. ${more}`);
    return;
  }
  const room = div("past-room");
  byId(ids.FILTER_HISTORY).replaceChildren(room, paragraph("small", caption(said)));
  room.append(picture(said, room.clientWidth, room.clientHeight));
}

/** @param {() => boolean} still */
export async function loadHistory(still) {
  try {
    const found = await ask("/filters/history", view.now);
    if (!still()) return;
    said = found;
    drawHistory();
  } catch (error) {
    if (still()) say(ids.FILTER_HISTORY, reason(error));
  }
}
