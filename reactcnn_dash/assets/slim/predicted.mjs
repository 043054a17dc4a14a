/* What a budget would leave, at once: widths and what of each layer's variation stays explained. */
import { askUntilDone, Refused, shareDone, showProgress } from "../base/asker.mjs";
import { byId, element, span } from "../base/dom.mjs";
import { count, percent } from "../base/format.mjs";
import { notice, reason } from "../base/notice.mjs";
import * as ids from "../generated/ids.mjs";
import { list } from "./slims.mjs";

/** @import { Prediction } from "../generated/slim.d.ts" */

/** @type {Map<number, Prediction | string>} */
const known = new Map();
/** @type {number | null} */
let wanted = null;

/**
 * The widths and residuals of a budget.
 * @param {Prediction} found
 * @param {string} budget
 * @param {number} share in per cent
 */
export function predictedAt({ shares, widths, residuals, names, filters }, budget, share) {
  const at = Math.max(0, Math.min(shares.length - 1, share - shares[0]));
  const left = residuals[budget][at];
  const worst = left.indexOf(Math.max(...left));
  return {
    layers: names.map((name, i) => ({
      name,
      before: filters[i],
      after: widths[budget][at][i],
      left: left[i],
    })),
    stay: widths[budget][at].reduce((sum, one) => sum + one, 0),
    all: filters.reduce((sum, one) => sum + one, 0),
    explained: 1 - left.reduce((sum, one) => sum + one, 0) / left.length,
    worst: { name: names[worst], explained: 1 - left[worst] },
  };
}

/** @param {ReturnType<typeof predictedAt>["layers"][number]} layer */
function column({ name, before, after, left }) {
  const words = `${name}: ${after} of ${before} filters would stay and explain ${percent(1 - left, 0)} of its variation`;
  const stays = span("slim-stays");
  stays.style.height = `${((100 * after) / before).toFixed(1)}%`;
  stays.style.opacity = String(Math.max(0.25, 1 - left).toFixed(2));
  return element(
    "span",
    { class: "slim-column", role: "listitem", title: words, "aria-label": words },
    stays,
  );
}

/** @param {Prediction} found @param {string} budget @param {number} share */
function draw(found, budget, share) {
  const at = predictedAt(found, budget, share);
  byId(ids.SLIM_PREDICTED).replaceChildren(
    element(
      "p",
      {},
      "Predicted: ",
      element("strong", {}, `${percent(at.explained, 1)} explained`),
      ` on average over the layers, least in ${at.worst.name} (${percent(at.worst.explained, 0)}); ${count(at.stay)} of ${count(at.all)} filters stay.`,
    ),
    element(
      "div",
      { class: "slim-columns", role: "list", "aria-label": "Share of each layer's filters that would stay" },
      ...at.layers.map(column),
    ),
  );
}

/** Bring what is predicted in line with the form. @param {{ budget: string, share: number }} form */
export async function drawPredicted({ budget, share }) {
  const run = list.id();
  if (run === null) return;
  const place = byId(ids.SLIM_PREDICTED);
  const found = known.get(run);
  if (typeof found === "string") place.replaceChildren(element("p", {}, found));
  else if (found) draw(found, budget, share);
  if (found || wanted === run) return;
  wanted = run;
  place.replaceChildren();
  try {
    const said = await askUntilDone(
      "/slims/predicted",
      { run },
      () => wanted === run,
      (waiting) => showProgress(place, "Reading the feature maps …", shareDone(waiting), "Prediction"),
    );
    if (said) known.set(run, said);
  } catch (error) {
    if (!(error instanceof Refused)) notice(reason(error));
    known.set(run, reason(error));
  }
  if (wanted !== run) return;
  wanted = null;
  redraw?.();
}

/** @type {(() => void) | null} */
let redraw = null;

/** Who is told that a prediction is there. @param {() => void} then */
export function onPredicted(then) {
  redraw = then;
}
