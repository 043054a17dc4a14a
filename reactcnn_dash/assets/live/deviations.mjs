/* Deviations: asking what is usual for a run and how an image deviates from it. One question at a
   time, none while the page is hidden; while the mode is off only what is stored: once a run, and
   now and then while it is collected. */
import { ask, isRunning, Refused } from "../base/asker.mjs";
import { setProps } from "../base/dash.mjs";
import { byId } from "../base/dom.mjs";
import { notice, noticeKind, reason } from "../base/notice.mjs";
import { decodeBytes } from "../base/pixels.mjs";
import * as ids from "../generated/ids.mjs";
import { paintGrid } from "./deviation-grid.mjs";
import { refresh } from "./pointer.mjs";
import { announce, goTo } from "./poll.mjs";
import { drawLegend } from "./scale.mjs";
import { collecting, lookedAt, shown } from "./shown.mjs";
import { drawMarks } from "./slider.mjs";
import { drawStandingOut, progressText } from "./standing-out.mjs";
import { view } from "./view.mjs";

/** @import { Query } from "../base/links.mjs" */
/** @import { NextOdd, OddImage, OddRun } from "../generated/live.d.ts" */
/** @import { Running } from "../generated/shared.d.ts" */

/** Why there is no answer; what failed is tried again. @typedef {{ status: "refused" | "failed", message: string }} Failure */

/** What is known of a run; `key` says of which question it is the answer. @typedef {OddRun & { key: string, uuid: string }} KnownRun */

/** What is known of an image: its deviations, or why they are not known. @typedef {{ key: string, uuid: string, ordinal: number, failure: Failure | null, found: OddImage | null, codes: Uint8Array | null }} KnownImage */

/**
 * A question that is due.
 * @typedef {object} Question
 * @property {string} path
 * @property {Query} values
 * @property {() => boolean} still whether its answer is wanted
 * @property {(answer: any) => void} take
 * @property {(failure: Failure) => void} refuse
 */

const STOOD_MS = 100;
const SOON_MS = 500;
const AGAIN_MS = 2000;
/** Between two looks at the marks, while a run is collected and afterwards. */
const MARKS_MS = { collecting: 4000, over: 10_000 };

export const deviations = {
  /** @type {KnownRun | null} */
  run: null,
  /** @type {KnownImage | null} */
  image: null,
  /** What is said instead of a run's answer. @type {Running | Failure | null} */
  status: null,
};
let asking = false;
/** @type {string | null} */
let lookedFor = null;
/** @type {string | null} */
let runFor = null;
let runDue = 0;
let marksDue = 0;
let imageDue = 0;
/** The next odd image is looked for. @type {{ key: string, image: number | null, after: number, due: number } | null} */
let sought = null;

export const deviating = () => view.now.mode === "deviation";

const runKey = () => shown.run && JSON.stringify([shown.run.uuid, view.now.rate]);

const imageKey = () =>
  shown.run && shown.image && JSON.stringify([runKey(), shown.image.ordinal, view.now.against]);

/** @param {Failure} failure */
const say = ({ status, message }) => notice(message, status === "refused" ? "info" : "error");

/** @param {Question} question */
async function put({ path, values, still, take, refuse }) {
  asking = true;
  let then;
  try {
    const answer = await ask(`/deviations/${path}`, { rate: view.now.rate, ...values });
    then = () => take(answer);
  } catch (error) {
    /** @type {Failure} */
    const failure =
      error instanceof Refused
        ? { status: "refused", message: error.message }
        : {
            status: "failed",
            message: `What stands out could not be read: ${reason(error)} This page goes on trying.`,
          };
    then = () => refuse(failure);
  }
  asking = false;
  if (still()) then();
  pumpDeviations();
}

function draw() {
  paintGrid();
  drawLegend(null);
  refresh();
  drawMarks();
  drawStandingOut();
}

/** When to ask again of a run that is not ready; a refusal lasts until the run grows. @param {{ status: string }} answer */
function later({ status }) {
  if (status === "running") return Date.now() + SOON_MS;
  return status === "failed" || collecting() ? Date.now() + AGAIN_MS : Number.POSITIVE_INFINITY;
}

/** @param {Running | Failure} status */
function takeStatus(status) {
  runDue = later(status);
  const before = deviations.status;
  deviations.status = status;
  const told = before && "message" in before ? before.message : null;
  if ("message" in status && status.message !== told) say(status);
  draw();
}

/** @param {string} key @param {any} answer */
function takeRun(key, answer) {
  const uuid = shown.run?.uuid;
  if (!uuid || answer.status === "none") return;
  if (isRunning(answer)) {
    takeStatus(answer);
    return;
  }
  // A new profile has other deviations.
  if (deviations.run?.uuid === uuid && deviations.run.profiled !== answer.profiled) deviations.image = null;
  deviations.run = { ...answer, key, uuid };
  deviations.status = null;
  runDue = answer.working || collecting() ? Date.now() + AGAIN_MS : Number.POSITIVE_INFINITY;
  draw();
}

/** @returns {Question | null} */
function runQuestion() {
  const key = runKey();
  const path = shown.run?.uuid;
  if (!key || !path) return null;
  const still = () => key === runKey();
  const take = (/** @type {unknown} */ answer) => takeRun(key, answer);
  if (!deviating()) {
    const known = lookedFor === key || deviations.run?.key === key;
    if (known && (!(collecting() || ofRun()?.provisional) || Date.now() < marksDue)) return null;
    lookedFor = key;
    marksDue = Date.now() + (collecting() ? MARKS_MS.collecting : MARKS_MS.over);
    // Nobody asked: what is wrong with the store is told by the poll.
    return { path, values: { stored: 1 }, still, take, refuse: () => {} };
  }
  if (runFor === key && Date.now() < runDue) return null;
  if (runFor !== key) deviations.status = null;
  runFor = key;
  return { path, values: {}, still: () => still() && deviating(), take, refuse: takeStatus };
}

/** @returns {Question | null} */
function imageQuestion() {
  const key = imageKey();
  const { run, image } = shown;
  if (!deviating() || !key || !run || !image || deviations.run?.uuid !== run.uuid) return null;
  const settled = deviations.image?.key === key && deviations.image.failure?.status !== "failed";
  if (settled || Date.now() < imageDue) return null;
  const known = { key, uuid: run.uuid, ordinal: image.ordinal, failure: null, found: null, codes: null };
  return {
    path: `${run.uuid}/images/${image.ordinal}`,
    values: { against: view.now.against },
    still: () => key === imageKey() && deviating(),
    take: (/** @type {OddImage | Running} */ answer) => {
      if ("status" in answer && isRunning(answer)) {
        imageDue = later(answer);
        return;
      }
      const found = /** @type {OddImage} */ (answer);
      deviations.image = { ...known, found, codes: decodeBytes(found.codes) };
      draw();
    },
    refuse: (failure) => {
      // A refusal is of this image alone: the next one is asked about at once.
      if (failure.status === "failed") imageDue = later(failure);
      deviations.image = { ...known, failure };
      say(failure);
      draw();
    },
  };
}

/** @param {number | null} ordinal */
function goNext(ordinal) {
  sought = null;
  const here = lookedAt() ?? -1;
  if (ordinal === null) notice("No image of this run is odd at this rate of false alarms.", "info");
  else if (ordinal === here) notice("This is the only odd image.", "info");
  else goTo(ordinal);
  if (ordinal !== null && ordinal < here) {
    announce("After the last odd image: this is the first again.");
  }
}

/** @returns {Question | null} */
function nextQuestion() {
  if (!sought || Date.now() < sought.due) return null;
  const looking = sought;
  // Whoever went elsewhere meanwhile does not want to be taken away.
  const still = () => sought === looking && looking.key === runKey() && looking.image === view.now.image;
  if (!still() || !shown.run) {
    sought = null;
    return null;
  }
  return {
    path: `${shown.run.uuid}/next`,
    values: { after: looking.after },
    still,
    take: (/** @type {NextOdd | Running} */ answer) => {
      if ("image" in answer) {
        goNext(answer.image);
        return;
      }
      looking.due = later(answer);
      notice(`Looking for odd images: ${progressText(answer)}`, "info");
    },
    refuse: (failure) => {
      sought = null;
      say(failure);
    },
  };
}

/** Ask the next question, if one is due and none is under way. */
export function pumpDeviations() {
  if (asking || document.hidden || !shown.run) return;
  const question = nextQuestion() ?? runQuestion() ?? imageQuestion();
  if (question) put(question);
}

/** Another image is on the page: it is asked about once it has stood for a moment. */
export function imageTaken() {
  if (!deviating()) return;
  drawStandingOut();
  if (asking) return;
  imageDue = Date.now() + STOOD_MS;
  window.setTimeout(pumpDeviations, STOOD_MS);
}

/** What is known of the run on the page at the chosen rate, or null. */
export const ofRun = () => (deviations.run?.key === runKey() ? deviations.run : null);

/** What is known of the image on the page, or null. */
export const ofImage = () => (deviations.image?.key === imageKey() ? deviations.image : null);

/** Go to the next odd image; which ones are odd is found out if need be. */
export function nextOdd() {
  const after = lookedAt();
  const key = runKey();
  if (!shown.image || after === null || !key) return;
  const known = ofRun();
  if (known && known.count === known.odd.length) {
    goNext(known.odd.find((ordinal) => ordinal > after) ?? known.odd[0] ?? null);
    return;
  }
  sought = { key, image: view.now.image, after, due: 0 };
  pumpDeviations();
}

export const toggleMode = () => view.set({ mode: deviating() ? "gap" : "deviation" });

const CONTROLS = /** @type {const} */ ({ mode: ids.MODE, against: ids.AGAINST, rate: ids.ODD_RATE });

/** @type {{ mode: string | null, against: string | null, rate: string | null }} */
const drawn = { mode: null, against: null, rate: null };

/** Bring the controls and the colours in line with the view. */
export function drawDeviationControls() {
  const names = /** @type {(keyof typeof CONTROLS)[]} */ (Object.keys(CONTROLS));
  const changed = names.filter((name) => drawn[name] !== view.now[name]);
  if (!changed.length) {
    // It may be another run.
    drawMarks();
    drawStandingOut();
    return;
  }
  for (const name of changed) {
    drawn[name] = view.now[name];
    setProps(CONTROLS[name], { value: view.now[name] });
  }
  byId(ids.APP).classList.toggle("deviating", deviating());
  if (changed.includes("mode")) {
    runDue = 0;
    deviations.status = null;
    paintGrid(true);
  }
  imageDue = 0;
  // What was said is true of the former choice alone.
  if (noticeKind() === "info") notice(null);
  draw();
}
