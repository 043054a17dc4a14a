/* Looking at the store: one request at a time, none while the page is hidden; and taking in what
   comes back. */
import { setProps } from "../base/dash.mjs";
import { button, byId, setText } from "../base/dom.mjs";
import { showEmpty } from "../base/empty.mjs";
import { count, meanError, percent } from "../base/format.mjs";
import { notice, noticeAge, noticeKind, tellLink } from "../base/notice.mjs";
import { decodeBytes } from "../base/pixels.mjs";
import * as ids from "../generated/ids.mjs";
import { pumpClusters } from "./clusters.mjs";
import { paintGrid } from "./deviation-grid.mjs";
import { imageTaken, pumpDeviations } from "./deviations.mjs";
import { follow } from "./follow.mjs";
import { followCam } from "./grad-cam.mjs";
import { grid } from "./grid.mjs";
import { showImage } from "./image.mjs";
import { layerInHand, refresh } from "./pointer.mjs";
import { drawLegend, setScale } from "./scale.mjs";
import { refreshSearch } from "./search.mjs";
import {
  answerOf,
  collecting,
  filterText,
  following,
  knowsLabels,
  knowsValues,
  layerIndex,
  lookedAt,
  namesClasses,
  nearestFilter,
  pinned,
  shown,
} from "./shown.mjs";
import { showSlider } from "./slider.mjs";
import { pumpTour } from "./tour.mjs";
import { view } from "./view.mjs";
import { firstVisit } from "./visit.mjs";
import { followWhatIf } from "./what-if.mjs";

/** @import { Empty } from "../generated/shared.d.ts" */
/** @import { Frame, Model, PollRequest, ShownImage, ShownRun } from "../generated/live.d.ts" */

const LATE_MS = 8000;
const SILENT_MS = 3000;
const QUIET_TICKS = 5;
const READING_MS = 8000;

let playing = false;
let number = 0;
let askedAt = 0;
let busy = false;
/** What was to be seen when the request went off. */
let askedOf = { run: view.now.run, image: view.now.image };
/** What the next request looks for. @type {PollRequest["find"]} */
let find;
/** The last request left the image to the server. */
let opening = false;
let runsVersion = "";
/** @type {string | null} */
let listedRun = null;
let readUntil = 0;

function ask() {
  const { run, model, image } = shown;
  number += 1;
  busy = true;
  askedAt = Date.now();
  askedOf = { run: view.now.run, image: view.now.image };
  /** @type {PollRequest} */
  const request = { number, run: view.now.run, ordinal: view.now.image };
  if (run && model) request.seen = { uuid: run.uuid, ordinal: image ? image.ordinal : -1 };
  if (find && run && image) Object.assign(request, { find, run: run.id, ordinal: image.ordinal });
  // Who comes for the first time is shown an image that has something to show.
  else if (firstVisit && !run) request.find = "opening";
  opening = request.find === "opening";
  find = undefined;
  setProps(ids.REQUEST, { data: request });
}

/** Ask if nothing is under way. A tick that would pile up is left out. */
export function pump() {
  if (document.hidden || (busy && Date.now() - askedAt < LATE_MS)) return;
  ask();
}

/** The page has all that it asked for: is it still what the person wants to see? */
function behind() {
  const { run, image } = shown;
  if (find) return true;
  if (view.now.run !== null && run?.id !== view.now.run) return true;
  return !following() && image !== null && image.ordinal !== view.now.image;
}

/** @param {number} ticks */
export function tick(ticks) {
  if (busy && Date.now() - askedAt > SILENT_MS && !document.hidden) {
    notice("The server does not answer. This page goes on trying.");
  }
  // Stepping on from an image that is only on its way would end a replay at its first tick.
  if (playing && !busy && shown.image && !behind()) step(shown.image);
  // A run that is over, or an image that is being studied, is looked at less often.
  const quiet = shown.image !== null && !behind() && (!following() || !collecting());
  if (!quiet || ticks % QUIET_TICKS === 0) pump();
  pumpClusters();
  pumpDeviations();
}

/** @param {ShownImage} image */
function step(image) {
  const next = image.ordinal + 1;
  if (next < (shown.run?.stored ?? 0)) {
    view.settle({ image: next });
    return;
  }
  playing = false;
  view.settle({ image: null });
  drawTime();
}

/** Go to an ordinal, kept inside the run. @param {number} ordinal */
export function goTo(ordinal) {
  const { run } = shown;
  if (!run?.stored) return;
  playing = false;
  view.set({ image: Math.max(0, Math.min(run.stored - 1, Math.trunc(ordinal))) });
  drawTime();
}

/** Go to an ordinal that was typed; the nearest where there is none. @param {number} ordinal */
export function goToTyped(ordinal) {
  const { run } = shown;
  if (!run?.stored) return;
  const last = run.stored - 1;
  if (Number.isInteger(ordinal) && ordinal >= 0 && ordinal <= last) {
    goTo(ordinal);
    return;
  }
  const known = Number.isFinite(ordinal);
  if (known) goTo(Math.round(ordinal));
  readUntil = Date.now() + READING_MS;
  notice(
    `The images of this run are 0 to ${last}: ${known ? `${ordinal} is none. This is the nearest.` : "type a number."}`,
    "warning",
  );
}

/** What the address asks for and this run does not have; the nearest takes its place. @type {string[]} */
let refused = [];

/** Say what an address asked for in vain, long enough to be read. @param {...string} sentences */
function refuse(...sentences) {
  if (!sentences.length) return;
  refused.push(...sentences);
  readUntil = Date.now() + READING_MS;
  tellLink(refused);
}

/** Tell something of the image that is on its way, long enough to be read. @param {string} text */
export function announce(text) {
  readUntil = Date.now() + READING_MS;
  notice(text, "info");
}

/** The person came by a link, or back: say what of it cannot be shown. */
export function arrive() {
  refused = [];
  // What was said of the place before is over.
  readUntil = 0;
  if (noticeKind() === "warning") notice(null);
  playing = false;
  refuse(...view.refused);
  honour();
}

/** Bring a view in line with the run's layers: what it has not is let go of, and said. */
function honour() {
  const { run, layer, filter } = view.now;
  // The model on the page may still be that of the run before.
  if (!shown.model || (run !== null && shown.run?.id !== run)) return;
  if (layer !== null && layerIndex(layer) < 0) {
    view.settle({ layer: null, cluster: null });
    refuse(`The run has no layer ${layer}.`);
  }
  if (filter === null || pinned()) return;
  const nearest = nearestFilter(filter);
  view.settle({ filter: nearest && filterText(nearest) });
  refuse(`The run has no filter ${filter}.${nearest ? ` ${filterText(nearest)} is the nearest.` : ""}`);
}

/** @param {number} by */
export function goBy(by) {
  const from = lookedAt();
  if (shown.image && from !== null) goTo(from + by);
}

export function goLive() {
  playing = false;
  view.set({ image: null });
  drawTime();
}

/** Pause when images are moving; otherwise play on from here, and follow live at the end. */
export function togglePlay() {
  const { image, run } = shown;
  if (!image || !run) return;
  if (playing || (following() && collecting())) {
    goTo(image.ordinal);
    return;
  }
  const atEnd = image.ordinal >= run.stored - 1;
  if (atEnd && collecting()) {
    goLive();
    return;
  }
  playing = true;
  view.set({ image: atEnd ? 0 : image.ordinal });
  drawTime();
}

export function nextMisclassified() {
  if (!shown.image) return;
  if (!namesClasses() && !knowsLabels()) {
    const sort = knowsValues() ? " Search (/) sorts them by their error." : "";
    notice(`${answerOf()}, so no image is misclassified.${sort}`, "info");
    return;
  }
  if (!shown.run?.labelled) {
    notice("The images of this run have no labels, so nothing tells which are misclassified.", "info");
    return;
  }
  playing = false;
  find = "next-misclassified";
  pump();
}

/** How many images are right. @param {ShownRun} run */
const rightWords = ({ correct, labelled }) =>
  `${percent(correct / labelled, 1)} ${knowsLabels() ? "with every label right" : "right"}`;

/** @param {ShownRun} run */
function drawHeader(run) {
  byId(ids.RUN_STATE).dataset.state = run.state;
  setText(ids.RUN_STATE, run.state);
  const parts = [
    run.total ? `${count(run.stored)} of ${count(run.total)} images` : `${count(run.stored)} images`,
  ];
  if (run.workers !== null && run.gathered !== null && run.state !== "finished") {
    if (run.gathered > run.stored) parts.push(`${count(run.gathered - run.stored)} more behind a gap`);
    if (run.state === "collecting") parts.push(`${run.workers} ${run.workers === 1 ? "worker" : "workers"}`);
  }
  if (run.rate !== null && run.state === "collecting") parts.push(`${run.rate.toFixed(1)} a second`);
  if (run.labelled) parts.push(rightWords(run));
  if (run.meanError !== null) parts.push(`mean absolute error ${meanError(run.meanError)}`);
  if (run.rounding) parts.push(run.precision);
  setText(ids.RUN_COUNTS, parts.join(" · "));
  const more = run.rounding ? `\n${run.rounding}` : "";
  byId(ids.RUN_COUNTS).title = `${run.model}, checkpoint ${run.checkpoint}, images: ${run.source}${more}`;
  const version = `${run.latest}:${run.id}:${run.state}`;
  if (version !== runsVersion) {
    runsVersion = version;
    setProps(ids.RUNS_VERSION, { data: version });
  }
  if (listedRun !== String(run.id)) {
    listedRun = String(run.id);
    setProps(ids.RUN_SELECT, { value: listedRun });
  }
  byId(ids.APP).classList.toggle("unlabelled", !run.labelled);
  byId(ids.APP).classList.toggle("no-classes", !namesClasses());
  byId(ids.APP).classList.toggle("no-names", !namesClasses() && !knowsLabels());
  byId(ids.APP).classList.toggle("no-order", !namesClasses() && !knowsLabels() && !knowsValues());
  document.title = `${run.name} · ReactCNN`;
}

function drawTime() {
  const { run, image } = shown;
  if (!run) return;
  const live = following() && collecting();
  const moving = playing || live;
  const words = moving ? "Pause" : "Play on, or follow live";
  const play = button(ids.PLAY);
  /** @type {Element} */ (play.firstElementChild).className = `icon icon-${moving ? "pause" : "play"}`;
  play.classList.toggle("live", live);
  play.setAttribute("aria-label", words);
  play.title = `${words} (Space)`;
  button(ids.MISCLASSIFIED).disabled = run.labelled === run.correct;
  showSlider();
  if (image) byId(ids.ORDINAL, HTMLInputElement).placeholder = `${image.ordinal} / ${run.stored - 1}`;
}

/** @param {Empty | null} empty */
function drawEmpty(empty) {
  byId(ids.APP).classList.toggle("without-images", Boolean(empty));
  showEmpty(empty, "Waiting for images");
}

/** @param {ShownImage} found */
function takeImage(found) {
  const image = { ...found, codes: decodeBytes(found.gap) };
  shown.image = image;
  const otherColours = setScale(image);
  imageTaken();
  paintGrid(otherColours);
  showImage();
  drawLegend(layerInHand());
  refresh();
  followWhatIf();
  followCam();
}

/** @param {Model} model */
function takeModel(model) {
  shown.image = null;
  shown.model = model;
  // The grid is measured before it is built, so its place has to be in the page.
  byId(ids.APP).classList.remove("without-images");
  grid.build(model.layers);
  honour();
  follow();
}

/** @param {Frame} frame */
function say(frame) {
  if (frame.gone) {
    readUntil = Date.now() + READING_MS;
    notice(`${frame.notice}. This is the newest run.`, "warning");
  } else if (frame.notice) notice(frame.notice);
  else if (frame.beyond) refuse(frame.beyond);
  else if (frame.info) notice(frame.info, "info");
  else if (frame.image && !frame.image.finite) {
    notice(
      "Some activations of this image are NaN or infinite: amber in the grid, and kept out of correlations.",
      "warning",
    );
  } else hush(frame);
}

/** An information stays until the next image; an error until a frame comes without one. @param {Frame} frame */
function hush(frame) {
  const kind = noticeKind();
  // Who follows a live run must have the time to read it, too.
  const unread = kind === "info" && following() && noticeAge() < READING_MS;
  const over = kind === "error" || (frame.image && !unread);
  if (over && Date.now() > readUntil) notice(null);
}

/** Take in the answer to a poll. @param {Frame} frame */
export function take(frame) {
  if (frame.asked !== undefined && frame.asked !== number) return;
  busy = false;
  // Who has gone elsewhere meanwhile does not want to see what was looked for.
  const still = askedOf.run === view.now.run && askedOf.image === view.now.image;
  if (frame.gone && still) view.settle({ run: null, image: null });
  if (frame.run) {
    const other = shown.run?.uuid !== frame.run.uuid;
    // Of a run without an image there is no model yet, and the one before is not its own.
    if (other && !frame.model) Object.assign(shown, { model: null, image: null });
    shown.run = frame.run;
    drawHeader(frame.run);
    drawEmpty(frame.empty ?? null);
    if (frame.model) takeModel(frame.model);
    if (still && frame.found !== undefined) {
      (frame.beyond || opening ? view.settle : view.set)({ image: frame.found });
    }
    if (frame.image) takeImage(frame.image);
    drawTime();
  } else if (frame.empty) {
    Object.assign(shown, { run: null, model: null, image: null });
    drawEmpty(frame.empty);
  }
  say(frame);
  pumpClusters();
  pumpDeviations();
  pumpTour();
  if (shown.model) refreshSearch();
  if (frame.run && behind()) pump();
}

/** Another run was chosen in the list. @param {string} value */
export function chooseRun(value) {
  if (!value || value === listedRun) return;
  listedRun = value;
  playing = false;
  refused = [];
  view.set({
    run: Number(value),
    image: null,
    filter: null,
    cluster: null,
    subset: null,
    gone: null,
    off: null,
    cam: null,
    camLayer: null,
  });
  pump();
}
