/* Picking runs or an experiment, the clustering, and what to say while there is nothing to show. */
import { ask } from "../base/asker.mjs";
import { setProps, show, showParameter } from "../base/dash.mjs";
import { byId, link, setText, textButton } from "../base/dom.mjs";
import { showEmpty } from "../base/empty.mjs";
import { addressOf, queryOf } from "../base/links.mjs";
import { fillRuns } from "../base/run-list.mjs";
import * as ids from "../generated/ids.mjs";
import { METHODS } from "../generated/rules.mjs";
import { asked, chosenLayer, compared } from "./comparison.mjs";
import { AFRESH, view } from "./view.mjs";

/** @import { Listed } from "../generated/compare.d.ts" */
/** @import { Nothing } from "../base/empty.mjs" */

/** What can be picked, once it is known. @type {Listed | null} */
let listed = null;

/** Read what can be picked. */
export async function loadListed() {
  /** @type {Listed} */
  const found = await ask("/comparisons/runs");
  listed = found;
  fillRuns([ids.COMPARE_A, ids.COMPARE_B], found.runs, [view.now.a, view.now.b]);
  setProps(ids.COMPARE_EXPERIMENT, { data: found.experiments });
}

export const swap = () => view.set({ a: view.now.b, b: view.now.a, image: null, cluster: null });

/** Two runs, or an experiment. @param {string} mode */
export function chooseMode(mode) {
  const experiment = mode === "experiment";
  if (experiment === (view.now.experiment !== null)) return;
  const only = listed?.experiments.length === 1 ? listed.experiments[0].value : "";
  view.set({ experiment: experiment ? only : null, image: null, cluster: null });
}

/** Another pair: nothing of the old one stays open. @param {"a" | "b"} side @param {string} value */
export function chooseRun(side, value) {
  const id = Number(value);
  if (view.now[side] !== id) view.set({ [side]: id, ...AFRESH });
}

/** @param {string} method */
export function chooseMethod(method) {
  if (method !== view.now.method) view.set({ method, parameter: null, cluster: null });
}

/** The parameter in force: asked for, or the one that suits the chosen layer. */
function parameter() {
  if (view.now.parameter !== null) return view.now.parameter;
  return compared.found && chosenLayer(compared.found).parameter;
}

/** @param {string} method @param {number} value */
export function chooseParameter(method, value) {
  if (method === view.now.method && value !== parameter()) view.set({ parameter: value, cluster: null });
}

/** The sign of the method's parameter. */
export const symbol = () => METHODS[view.now.method]?.symbol ?? "";

/** Bring the controls in line with the view. */
export function drawPicking() {
  const now = view.now;
  const app = byId(ids.APP);
  app.dataset.mode = now.experiment === null ? "runs" : "experiment";
  showParameter(app, now.method);
  show(ids.COMPARE_MODE, app.dataset.mode);
  show(ids.COMPARE_A, now.a === null ? null : String(now.a));
  show(ids.COMPARE_B, now.b === null ? null : String(now.b));
  show(ids.COMPARE_EXPERIMENT, now.experiment || null);
  show(ids.COMPARE_AGAINST, now.against);
  show(ids.COMPARE_METHOD, now.method);
  drawParameter();
  const file = link(ids.COMPARE_EXPORT);
  file.hidden = byId(ids.COMPARE_REPORT).hidden = !compared.found;
  file.href = addressOf(`/comparisons/json?${queryOf(asked())}`);
}

function drawParameter() {
  const { method } = view.now;
  if (!METHODS[method]) return;
  const id = `${ids.COMPARE_PARAMETER}-${method}`;
  const value = parameter();
  if (value === null) {
    setText(`${id}-value`, "auto");
    return;
  }
  show(id, value);
  setText(`${id}-value`, `${symbol()} = ${value}${view.now.parameter === null ? " (auto)" : ""}`);
}

/** @param {Listed["runs"]} runs the newest first */
function newest([b, a]) {
  const newer = () => view.set({ a: Number(a.value), b: Number(b.value) });
  return textButton("Compare the two newest", newer);
}

/** @returns {Nothing | null} */
function empty() {
  const { a, b, experiment } = view.now;
  if (listed === null || compared.found) return null;
  const { runs, experiments } = listed;
  if (!runs.length) {
    return {
      title: "No runs yet",
      text: "Collect two checkpoints of a network over the same images, then come back.",
      command: "python -m collector",
    };
  }
  if (experiment !== null) {
    if (experiment) return null;
    if (experiments.length) {
      return {
        title: "Pick an experiment",
        text: "Its epochs are compared one by one, and drawn as curves.",
      };
    }
    return {
      title: "No experiment yet",
      text: "An experiment is a training with a run after each epoch. Train one, or use the Keras callback:",
      command: "python -m collector train",
    };
  }
  if (a !== null && b !== null) {
    if (!compared.refused) return null;
    return {
      title: "Nothing to compare",
      text: "Pick two runs whose networks share layers and that saw the same images.",
    };
  }
  if (runs.length === 1) {
    return {
      title: "One run is not enough",
      text: "Collect another checkpoint of the network over the same images.",
      command: "python -m collector --model FILE",
    };
  }
  return {
    title: "Pick two runs",
    text: "A and B should have seen the same images: they are recognised by their pixels, whatever their order.",
    action: () => newest(runs),
  };
}

/** Say what to do next while there is nothing to show. */
export const drawEmpty = () => showEmpty(empty());
