/* What a person did last on this page, and the way back from it. */
import { byId, setText } from "../base/dom.mjs";
import * as ids from "../generated/ids.mjs";
import { UNDO_SECONDS } from "../generated/rules.mjs";

/**
 * Something that can be undone.
 * @typedef {object} Step
 * @property {string} words what was done
 * @property {() => void} undo
 * @property {(() => void) | null} settle what happens when the time for it is over; null if nothing
 */

const KEPT = 20;
/** @type {Step[]} */
let steps = [];
/** @type {Map<Step, number>} */
const timers = new Map();

function draw() {
  const last = steps.at(-1);
  const shown = last !== undefined && timers.has(last);
  byId(ids.RUNS_UNDO).hidden = !shown;
  setText(ids.RUNS_UNDO_TEXT, shown ? last.words : "");
  byId(ids.RUNS_UNDO_NOW).hidden = !shown || last.settle === null;
}

/** @param {Step} step */
function over(step) {
  window.clearTimeout(timers.get(step));
  if (!timers.delete(step)) return;
  if (step.settle) {
    steps = steps.filter((one) => one !== step);
    step.settle();
  }
  draw();
}

/** Offer the way back from something that was just done. @param {Step} step */
export function offerUndo(step) {
  steps = [...steps, step].slice(-KEPT);
  timers.set(
    step,
    window.setTimeout(() => over(step), 1000 * UNDO_SECONDS),
  );
  draw();
}

/** Undo what was done last; what was done before it comes next. */
export function undoLast() {
  const step = steps.pop();
  if (!step) return;
  window.clearTimeout(timers.get(step));
  timers.delete(step);
  step.undo();
  draw();
}

/** What waits for its time to be over need not wait. */
function settleNow() {
  const last = steps.at(-1);
  if (last) over(last);
}

export function listenToUndo() {
  byId(ids.RUNS_UNDO_BACK).addEventListener("click", undoLast);
  byId(ids.RUNS_UNDO_NOW).addEventListener("click", settleNow);
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.key.toLowerCase() !== "z") return;
    // In a field the browser undoes letters.
    if (target instanceof Element && target.closest("input:not([type=checkbox]), textarea, dialog")) return;
    event.preventDefault();
    undoLast();
  });
}
