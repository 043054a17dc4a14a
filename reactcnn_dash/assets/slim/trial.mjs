/* Try it: what a budget would give, the command for it, and making the network here. */
import { ask, pause, shareDone, showProgress, tell } from "../base/asker.mjs";
import { setProps, show } from "../base/dash.mjs";
import { button, byId, copyButton, div, element, paragraph, setText } from "../base/dom.mjs";
import { notice, reason } from "../base/notice.mjs";
import { allow, READ_ONLY } from "../base/read-only.mjs";
import * as ids from "../generated/ids.mjs";
import { SLIM_BUDGETS, SLIM_METHODS } from "../generated/rules.mjs";
import { drawPredicted, onPredicted } from "./predicted.mjs";
import { list, page } from "./slims.mjs";

/** @import { Recipe, Trial } from "../generated/slim.d.ts" */

const SETTLE_MS = 250;
const AGAIN_MS = 500;

/** What would be made. */
const form = {
  /** @type {string} */
  budget: SLIM_BUDGETS[0],
  share: 25,
  method: Object.keys(SLIM_METHODS)[0],
  /** @type {number | null} */
  calibration: null,
  /** @type {number | null} */
  evaluation: null,
};
let known = "";
let later = 0;
let watching = false;
/** @type {(() => void) | null} */
let made = null;

/** Who is told that a network was made. @param {() => void} then */
export function onMade(then) {
  made = then;
}

/** What is asked for; the run's own images unless others are picked. */
const asked = () => {
  const run = list.id();
  const { calibration, evaluation, ...rest } = form;
  return { run, calibration: calibration ?? run, evaluation: evaluation ?? run, ...rest };
};

/** Show what stands in the form. */
function drawForm() {
  setText(ids.SLIM_SHARE_VALUE, `${form.share} %`);
  const run = list.id();
  for (const [id, value] of /** @type {[string, number | null][]} */ ([
    [ids.SLIM_CALIBRATION, form.calibration ?? run],
    [ids.SLIM_EVALUATION, form.evaluation ?? run],
  ])) {
    setProps(id, { value: value === null ? null : String(value) });
  }
}

/** @param {Recipe} said */
function drawRecipe({ command, obstacle }) {
  const here = obstacle === null;
  button(ids.SLIM_TRY).hidden = !here;
  if (READ_ONLY) allow(button(ids.SLIM_TRY), false);
  const blanks = command.includes(" IMAGES") ? " (IMAGES: a folder or file of images)" : "";
  byId(ids.SLIM_RECIPE).replaceChildren(
    paragraph(
      here ? "small" : "slim-obstacle",
      here ? "The same in a terminal:" : `${obstacle} Run this where it is${blanks}:`,
    ),
    div(
      "command",
      element("code", {}, command),
      copyButton("Copy", () => command),
    ),
  );
}

/** Bring the command in line with the form. */
export function drawTrial() {
  drawForm();
  if (!page.said) return;
  drawPredicted(form);
  const values = asked();
  const key = JSON.stringify(values);
  if (key === known) return;
  known = key;
  window.clearTimeout(later);
  later = window.setTimeout(async () => {
    try {
      const said = /** @type {Recipe} */ (await ask("/slims/recipe", values));
      if (key === known) drawRecipe(said);
    } catch (error) {
      if (key === known) notice(reason(error));
    }
  }, SETTLE_MS);
}

/** @param {Trial} trial */
function drawState({ state, phase, done, total, message }) {
  const place = byId(ids.SLIM_PROGRESS);
  const running = state === "running";
  allow(button(ids.SLIM_TRY), !running);
  byId(ids.SLIM_CANCEL).hidden = !running;
  if (running) showProgress(place, message || phase, shareDone({ done, total }), "Making a slim network");
  else if (state === "failed")
    place.replaceChildren(element("p", { class: "slim-failed", role: "alert" }, message));
  else place.replaceChildren(message);
}

/** Follow a network that is being made, until it is there or given up. */
export async function watch() {
  if (watching) return;
  watching = true;
  try {
    let began = false;
    for (;;) {
      /** @type {Trial} */
      const trial = await ask("/slims/trial");
      if (trial.state !== "running") {
        // What ended before anybody looked is no news.
        if (began) {
          drawState(trial);
          made?.();
        }
        return;
      }
      began = true;
      drawState(trial);
      await pause(AGAIN_MS);
    }
  } catch (error) {
    notice(reason(error));
  } finally {
    watching = false;
  }
}

export async function begin() {
  allow(button(ids.SLIM_TRY), false);
  notice(null);
  try {
    drawState(await tell("/slims/try", {}, asked()));
    known = "";
    await watch();
  } catch (error) {
    allow(button(ids.SLIM_TRY), true);
    notice(reason(error));
  }
}

export async function cancel() {
  try {
    drawState(await tell("/slims/cancel"));
  } catch (error) {
    notice(reason(error));
  }
}

onPredicted(() => drawPredicted(form));

/** @param {Partial<typeof form>} change */
function change(change) {
  const before = JSON.stringify(asked());
  Object.assign(form, change);
  // What the page itself has set comes back as a choice.
  if (JSON.stringify(asked()) !== before) drawTrial();
}

/** What Dash calls when a control of the form changes. */
export const CONTROLS = {
  slimBudget: (/** @type {string} */ budget) => change({ budget }),
  slimShare: (/** @type {number} */ share) => change({ share: Math.round(share) }),
  slimMethod: (/** @type {string} */ method) => change({ method }),
  slimCalibration: (/** @type {string} */ run) => change({ calibration: Number(run) }),
  slimEvaluation: (/** @type {string} */ run) => change({ evaluation: Number(run) }),
  slimTry: begin,
  slimCancel: cancel,
};

/** Another network is looked at: its own images again. */
export function forget() {
  form.calibration = form.evaluation = null;
  known = "";
  show(ids.SLIM_METHOD, form.method);
}
