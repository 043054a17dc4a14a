/* What if filters are switched off: asking the model at hand about the image on the page, and about
   all images. One question at a time; the panel draws what is known (what-if-panel.mjs). */
import { askUntilDone, NOT_BEGUN, Refused, tell } from "../base/asker.mjs";
import { notice, reason } from "../base/notice.mjs";
import { decodeBytes } from "../base/pixels.mjs";
import { CODES, NOT_FINITE } from "../generated/rules.mjs";
import { redFilters } from "./clusters.mjs";
import { paintGrid } from "./deviation-grid.mjs";
import { drawLegend } from "./scale.mjs";
import { layers, openIndex, pinned, shown } from "./shown.mjs";
import { view } from "./view.mjs";
import { drawWhatIf } from "./what-if-panel.mjs";
import { countOff, offText, parseOff, toggled } from "./what-if-text.mjs";

/** @import { At } from "../base/grid.mjs" */
/** @import { WhatIf, WhatIfRun } from "../generated/live.d.ts" */
/** @import { Running } from "../generated/shared.d.ts" */

/** What is known of the image: the answer to the question `key`. @typedef {{ key: string, uuid: string, found: WhatIf, codes: Uint8Array }} Known */

/** What is known of all images, or how far that is. @typedef {{ key: string, stored: number, waiting: Running | null, found: WhatIfRun | null, message: string | null }} OverRun */

const NOUGHT = CODES / 2;

/** @type {Running} */
const BEGINNING = { ...NOT_BEGUN, loading: true };

export const whatIf = {
  /** Whether the panel is open. */
  open: false,
  /** @type {Known | null} */
  known: null,
  /** How far the answer about the image is. @type {Running | null} */
  waiting: null,
  /** Why there is none. @type {{ key: string, message: string } | null} */
  failed: null,
  /** @type {OverRun | null} */
  overRun: null,
};
let asking = false;

/** The filters that are switched off. */
export const switchedOff = () => parseOff(view.now.off, layers());

const isActive = () => countOff(switchedOff()) > 0;

const settings = () => ({ off: offText(switchedOff()), instead: view.now.instead });

// However a run grows: what was measured says of how many images it is.
const runKey = () => (shown.run && isActive() ? JSON.stringify([shown.run.uuid, settings()]) : null);

const imageKey = () =>
  shown.run && shown.image && isActive()
    ? JSON.stringify([shown.run.uuid, shown.image.ordinal, settings()])
    : null;

/** What is known of the image on the page, or null. */
export const ofImage = () => (whatIf.known?.key === imageKey() ? whatIf.known : null);

/** What is known of all images, or null. */
export const ofRun = () => (whatIf.overRun?.key === runKey() ? whatIf.overRun : null);

/** Why there is no answer about the image on the page, or null. */
export const failure = () => (whatIf.failed?.key === imageKey() ? whatIf.failed : null);

/** Codes of the differences to paint: the former image's until this one's are here. */
export const differences = () =>
  isActive() && whatIf.known?.uuid === shown.run?.uuid ? (whatIf.known?.codes ?? null) : null;

/** How far a filter's GAP moved, as its code tells it; null while that is not known. @param {At} at */
export function movedBy({ layer, filter }) {
  const known = ofImage();
  if (!known) return null;
  const code = known.codes[layers()[layer].offset + filter];
  if (code === NOT_FINITE) return null;
  const share = (code - NOUGHT) / NOUGHT;
  return Math.sign(share) * share ** 2 * known.found.spans[layer];
}

function drawAll() {
  paintGrid();
  drawLegend(null);
  drawWhatIf();
}

/** Ask about the image on the page, if that is due and nothing is under way. */
export async function pumpWhatIf() {
  const key = imageKey();
  const { run, image } = shown;
  if (asking || document.hidden || !key || !run || !image) return;
  if (whatIf.known?.key === key || whatIf.failed?.key === key) return;
  asking = true;
  whatIf.waiting = BEGINNING;
  drawWhatIf();
  try {
    const path = `/model/${run.uuid}/what-if/${image.ordinal}`;
    /** @type {WhatIf | null} */
    const found = await askUntilDone(
      path,
      settings(),
      () => imageKey() === key,
      (waiting) => {
        whatIf.waiting = waiting;
        drawWhatIf();
      },
    );
    if (found) whatIf.known = { key, uuid: run.uuid, found, codes: decodeBytes(found.codes) };
  } catch (error) {
    whatIf.failed = { key, message: messageOf(error) };
  }
  asking = false;
  whatIf.waiting = null;
  drawAll();
  pumpWhatIf();
}

/** @param {unknown} error */
const messageOf = (error) =>
  error instanceof Refused ? error.message : `The model could not be asked: ${reason(error)}`;

/** Ask once more after a failure. */
export function tryAgain() {
  whatIf.failed = null;
  pumpWhatIf();
}

/** Ask about all images of the run. */
export async function askOverRun() {
  const key = runKey();
  const { run } = shown;
  if (!key || !run || ofRun()?.waiting) return;
  /** @type {OverRun} */
  const mine = { key, stored: run.stored, waiting: BEGINNING, found: null, message: null };
  whatIf.overRun = mine;
  drawWhatIf();
  const still = () => whatIf.overRun === mine && runKey() === key;
  try {
    const values = { ...settings(), stored: run.stored };
    mine.found = await askUntilDone(`/model/${run.uuid}/what-if`, values, still, (waiting) => {
      mine.waiting = waiting;
      drawWhatIf();
    });
  } catch (error) {
    mine.message = messageOf(error);
  }
  mine.waiting = null;
  drawWhatIf();
}

/** Give up what is asked about all images. */
export async function cancelOverRun() {
  const { run } = shown;
  const given = { ...settings(), stored: whatIf.overRun?.stored ?? shown.run?.stored ?? 0 };
  whatIf.overRun = null;
  drawWhatIf();
  if (!run) return;
  try {
    await tell(`/model/${run.uuid}/what-if/cancel`, given);
  } catch (error) {
    notice(`It goes on: ${reason(error)}`, "warning");
  }
}

/** Switch some filters of a layer off, or on again. @param {number} layer @param {readonly number[]} filters */
export function toggleOff(layer, filters) {
  whatIf.open = true;
  view.set({ off: offText(toggled(switchedOff(), layer, filters)) });
}

/** Switch a filter off, or on again; without one, the pinned one. @param {At | null} [at] */
export function toggleFilter(at = pinned()) {
  if (at) toggleOff(at.layer, [at.filter]);
}

/** Switch the red cluster off, or on again. */
export function toggleCluster() {
  const filters = redFilters();
  if (filters.length) toggleOff(openIndex(), filters);
}

/** Every filter on again. */
export const switchOn = () => view.set({ off: null });

/** Open or close the panel; closed, the network is as it is. */
export function togglePanel() {
  whatIf.open = !whatIf.open;
  if (whatIf.open) drawWhatIf();
  else closePanel();
}

export function closePanel() {
  whatIf.open = false;
  if (view.now.off === null) drawWhatIf();
  else switchOn();
}

/** What stood when the view was followed last. */
let followed = "";

/** Bring panel and grid in line with the view. */
export function followWhatIf() {
  if (isActive()) whatIf.open = true;
  const { cluster, filter } = view.now;
  const now = JSON.stringify([imageKey(), filter, cluster, redFilters().length, whatIf.open]);
  if (now !== followed) {
    followed = now;
    drawAll();
  }
  pumpWhatIf();
}
