/* The report that is on the page: asked for, and its summary, controls and empty states. */
import { askUntilDone } from "../base/asker.mjs";
import { setProps } from "../base/dash.mjs";
import { byId, element, link, span, textButton } from "../base/dom.mjs";
import { showEmpty } from "../base/empty.mjs";
import { FORMULA, greyFew, isFew } from "../base/few.mjs";
import { count } from "../base/format.mjs";
import { addressOf, queryOf, slimPage } from "../base/links.mjs";
import { notice, reason } from "../base/notice.mjs";
import { showWork } from "../base/rows.mjs";
import { runList } from "../base/run-list.mjs";
import { setExplained } from "../base/terms.mjs";
import * as ids from "../generated/ids.mjs";
import { view } from "./view.mjs";

/** @import { RedundancyPayload } from "../generated/redundancy.d.ts" */
/** @import { Nothing } from "../base/empty.mjs" */

const SETTLE_MS = 350;

export const list = runList("/redundancies/runs", [ids.REDUNDANCY_RUN], view);

/** `report` of the run and threshold in the view; `refused`: there is none. */
export const page = {
  /** @type {RedundancyPayload | null} */
  report: null,
  refused: false,
};
let wanted = "";
let later = 0;

const asked = () => ({ run: list.id(), threshold: view.now.threshold });

/** @param {string} value */
export function chooseRun(value) {
  const run = Number(value);
  if (run !== list.id()) view.set({ run, layer: null, cluster: null });
}

/** A step of the slider: many may follow each other. @param {number} value */
export function chooseThreshold(value) {
  const threshold = Math.round(value * 100) / 100;
  setExplained(byId(ids.REDUNDANCY_VALUE), `τ = ${threshold}`);
  window.clearTimeout(later);
  if (threshold === view.now.threshold) return;
  later = window.setTimeout(() => view.set({ threshold, cluster: null }), SETTLE_MS);
}

/** @param {any} waiting */
function progress(waiting) {
  const place = byId(ids.REDUNDANCY_PROGRESS);
  place.hidden = !waiting;
  showWork(place, waiting, "Comparing feature maps, clustering layers …", "Report");
}

/** Bring the report in line with the view. @param {() => void} changed */
export async function askReport(changed) {
  const values = asked();
  const key = values.run === null ? "" : JSON.stringify(values);
  if (key === wanted) return;
  wanted = key;
  // Another threshold leaves the old report in sight until the new one is there.
  if (page.report?.run.id !== values.run) page.report = null;
  page.refused = false;
  notice(null);
  changed();
  if (!key) return;
  const still = () => key === wanted;
  try {
    /** @type {RedundancyPayload | null} */
    const said = await askUntilDone("/redundancies/of", values, still, progress);
    if (!said) return;
    page.report = said;
  } catch (error) {
    if (!still()) return;
    page.report = null;
    page.refused = true;
    notice(reason(error));
  }
  progress(null);
  changed();
}

/** Ask anew for a run that has grown. @param {() => void} changed */
function renew(changed) {
  wanted = "";
  askReport(changed);
}

/** The report on the page if it is that of the view's threshold. */
export const current = () => (page.report?.threshold === view.now.threshold ? page.report : null);

/** @returns {Nothing | null} */
function empty() {
  if (!list.known() || page.report) return null;
  if (list.id() === null) {
    return {
      title: "No runs yet",
      text: "Collect the answers of a network over some images, with their feature maps, then come back.",
      command: "python -m collector --feature-maps all",
    };
  }
  if (!page.refused) return null;
  return {
    title: "Nothing to report",
    text: "Pick another run above. A report needs at least two images; some hundred make it worth reading.",
  };
}

/** What is behind the report. @param {RedundancyPayload} report */
export function basis(report) {
  const maps = report.explainedImages
    ? `the feature maps of ${count(report.explainedImages)} of them`
    : "no feature maps";
  return `${count(report.images)} images and ${maps}; clusters of r ≥ ${report.threshold} on average`;
}

/**
 * @param {RedundancyPayload} report
 * @param {() => void} changed
 */
function advice(report, changed) {
  const parts = [];
  if (!report.mapImages) {
    parts.push(
      span(
        "summary-advice",
        "GAP forgets position, so every filter stays a candidate. Collect again with ",
        element("code", {}, "--feature-maps all"),
        " to let the maps confirm them.",
      ),
    );
  }
  if (report.run.state === "collecting") {
    const again = textButton("Renew", () => renew(changed));
    parts.push(span("summary-advice", "The run is still being collected. ", again));
  }
  return parts;
}

/** Draw what depends on the report as a whole. @param {() => void} changed */
export function drawReport(changed) {
  const { report } = page;
  list.show();
  setProps(ids.REDUNDANCY_THRESHOLD, { value: view.now.threshold });
  setExplained(byId(ids.REDUNDANCY_VALUE), `τ = ${view.now.threshold}`);
  const summary = byId(ids.REDUNDANCY_SUMMARY);
  summary.hidden = !report;
  byId(ids.REDUNDANCY_BODY).hidden = !report;
  byId(ids.APP).classList.toggle("stale", report !== current());
  const ready = current() !== null;
  const file = link(ids.REDUNDANCY_EXPORT);
  file.hidden = !ready;
  file.href = addressOf(`/redundancies/json?${queryOf(asked())}`);
  byId(ids.REDUNDANCY_PRINT).hidden = !ready;
  const slimming = link(ids.REDUNDANCY_SLIM);
  slimming.hidden = !ready;
  slimming.href = slimPage(list.id());
  showEmpty(empty());
  document.title = report ? `${report.run.name} · Redundancy · ReactCNN` : "Redundancy · ReactCNN";
  if (!report) return;
  greyFew(byId(ids.REDUNDANCY_BODY), report.images);
  const few = isFew(report.images);
  summary.replaceChildren(
    element("strong", few ? { class: "few", title: FORMULA } : {}, report.summary),
    span("summary-basis", `${basis(report)}.`),
    ...advice(report, changed),
  );
}
