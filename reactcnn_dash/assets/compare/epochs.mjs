/* The figures of an experiment's epochs: which are drawn, and from where to where. Pure. */
import { count, percent } from "../base/format.mjs";

/** @import { CurvePoint, Epoch, Experiment, KnownPair } from "../generated/compare.d.ts" */
/** @import { Ends } from "../base/chart.mjs" */

/** Values by run for each line, by layer; "" for a figure of the whole. @typedef {Map<string, (number | null)[]>} Lines */

/** A figure, or one a layer. @typedef {number | null | (number | null)[]} Values */

/**
 * A figure that is drawn: of a `pair`, or of both its `runs`, as it is in A and in B.
 * @typedef {object} Chart
 * @property {string} name
 * @property {(point: CurvePoint) => Values} [pair]
 * @property {(point: CurvePoint) => [Values, Values] | null} [runs]
 * @property {boolean} [percent]
 * @property {boolean} [counts]
 * @property {number} [from] where the axis begins at the latest
 * @property {number} [to] where it ends at the earliest
 * @property {(pair: KnownPair) => string} [without] what is said without values
 */

/** Said where a class is needed and one of the runs has none. */
export const UNNAMED = "not both runs name a class";

/** Why nothing tells how right two runs are. @param {string} a what run A answers with @param {string} b */
export function nothingRight(a, b) {
  if (a !== b) return "the runs answer with different things";
  const why = /** @type {Record<string, string>} */ ({
    classes: "no image has a label in both",
    labels: "no image has known labels in both",
    values: "no image has a target in both",
  });
  return why[a] ?? "the answers are not stored";
}

/** Of networks that answer with values, in the place of their accuracy. @type {Chart} */
const ERRORS = { name: "Mean absolute error", runs: (one) => one.errors };

/** @type {readonly Chart[]} */
export const CHARTS = [
  {
    name: "Accuracy",
    runs: (one) => one.accuracy,
    percent: true,
    without: ({ answers }) => nothingRight(...answers),
  },
  { name: "Mean confidence", runs: (one) => one.confidence, percent: true, without: () => UNNAMED },
  {
    name: "Changed predictions",
    pair: (one) => (one.changed === null ? null : one.changed / one.images),
    percent: true,
    from: 0,
    without: () => UNNAMED,
  },
  { name: "Linear CKA", pair: (one) => one.cka, from: 0, to: 1 },
  { name: "Clusters: ARI", pair: (one) => one.ari, to: 1 },
  { name: "Clusters: NMI", pair: (one) => one.nmi, from: 0, to: 1 },
  { name: "Same-index r (median)", pair: (one) => one.same, to: 1 },
  { name: "Filters with a sure match", pair: (one) => one.sure, percent: true, from: 0, to: 1 },
  { name: "Dead filters", runs: (one) => [one.deadA, one.deadB], counts: true, from: 0 },
  { name: "Constant filters", runs: (one) => [one.constantA, one.constantB], counts: true, from: 0 },
  { name: "Filters that died", pair: (one) => one.died, counts: true, from: 0 },
  { name: "Filters that came alive", pair: (one) => one.alive, counts: true, from: 0 },
];

/** The figures of an experiment that are drawn. @param {Experiment} experiment @returns {readonly Chart[]} */
export const chartsOf = (experiment) =>
  knownPairs(experiment).some(({ errors }) => errors) ? [ERRORS, ...CHARTS.slice(1)] : CHARTS;

/** Whether there is nothing to draw. @param {Lines} lines */
export const isBlank = (lines) => ![...lines.values()].flat().some((value) => value !== null);

/**
 * The epoch of a run; without one its name, less that of the experiment: "final".
 * @param {Pick<Experiment, "name">} experiment
 * @param {Epoch} run
 */
export function epochOf({ name }, run) {
  const head = `${name} · `;
  return run.epoch ?? (run.name.startsWith(head) ? run.name.slice(head.length) : run.name);
}

/** The same as it is called. @param {Pick<Experiment, "name">} experiment @param {Epoch} run */
export const calledOf = (experiment, run) =>
  run.epoch === null ? String(epochOf(experiment, run)) : `Epoch ${run.epoch}`;

/** Where the epochs stand along the axis, from 0 to 1: by number, evenly if they have none. @param {readonly Epoch[]} runs */
export function placesOf(runs) {
  const epochs = runs.map((run) => run.epoch ?? Number.NaN);
  const span = epochs[epochs.length - 1] - epochs[0];
  const numbered = span > 0 && epochs.every((epoch, i) => i === 0 || epoch > epochs[i - 1]);
  return epochs.map((epoch, i) =>
    numbered ? (epoch - epochs[0]) / span : i / Math.max(1, epochs.length - 1),
  );
}

/** The pairs whose figures are known. @param {Experiment} experiment */
export const knownPairs = ({ pairs }) =>
  pairs
    .filter((pair) => /** @type {Partial<KnownPair>} */ (pair).layers)
    .map((pair) => /** @type {KnownPair} */ (pair));

/** The run of a pair whose epoch the pair stands at. @param {Experiment} experiment @param {{ a: number, b: number }} pair */
const placeOf = ({ against }, pair) => (against === "last" ? pair.a : pair.b);

/** The pair that a click on an epoch opens. @param {Experiment} experiment @param {number} i */
export function pairAt(experiment, i) {
  const { id } = experiment.runs[i];
  const { pairs } = experiment;
  return (
    pairs.find((pair) => placeOf(experiment, pair) === id) ??
    pairs.find((pair) => pair.a === id || pair.b === id)
  );
}

/**
 * One list of values by run for each line: a line a layer, or one for the whole.
 * @param {Experiment} experiment
 * @param {Chart} chart
 */
export function linesOf(experiment, chart) {
  const { runs } = experiment;
  /** @type {Lines} */
  const lines = new Map();
  const put = (
    /** @type {string} */ layer,
    /** @type {number} */ run,
    /** @type {number | null} */ value,
  ) => {
    const line = lines.get(layer) ?? runs.map(() => null);
    lines.set(layer, line);
    if (value !== null) line[runs.findIndex((one) => one.id === run)] = value;
  };
  for (const pair of knownPairs(experiment)) {
    const putAll = (/** @type {number} */ run, /** @type {Values} */ values) => {
      if (!Array.isArray(values)) put("", run, values);
      else {
        pair.layers.forEach((layer, i) => {
          put(layer, run, values[i]);
        });
      }
    };
    if (chart.pair) putAll(placeOf(experiment, pair), chart.pair(pair));
    const both = chart.runs?.(pair);
    if (both) {
      putAll(pair.a, both[0]);
      putAll(pair.b, both[1]);
    }
  }
  return lines;
}

/**
 * From the lowest to the highest value, or as far as the figure goes by its nature.
 * @param {Chart} chart
 * @param {Lines} lines
 * @returns {Ends}
 */
export function domainOf({ from, to, counts }, lines) {
  const values = [...lines.values()].flat().filter((value) => value !== null);
  if (!values.length) return [0, 1];
  const low = Math.min(from ?? Number.POSITIVE_INFINITY, ...values);
  const high = Math.max(to ?? Number.NEGATIVE_INFINITY, ...values);
  if (high - low > 1e-9) return [low, high];
  // All the same: some room around it, so that it is a line and not an edge.
  const room = counts ? 1 : 0.05;
  return [
    Math.max(from ?? Number.NEGATIVE_INFINITY, low - room),
    Math.min(to ?? Number.POSITIVE_INFINITY, high + room),
  ];
}

/**
 * A value at the axis, with as many digits as tell its neighbours apart.
 * @param {Chart} chart
 * @param {number} value
 * @param {number} span
 */
export function tickText(chart, value, span) {
  if (chart.percent) return percent(value, span < 0.1 ? 1 : 0);
  if (chart.counts) return Number.isInteger(value) || span >= 5 ? count(Math.round(value)) : "";
  return value.toFixed(span < 0.05 ? 3 : 2);
}

/** A value in words. @param {Chart} chart @param {number | null} value */
export function shownValue(chart, value) {
  if (value === null) return "–";
  if (chart.percent) return percent(value, 1);
  return Number.isInteger(value) ? count(value) : value.toFixed(3);
}
