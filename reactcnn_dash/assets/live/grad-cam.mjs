/* Grad-CAM: where in the image a layer speaks for a class; computed by the run's own model, and laid
   over the image as light while no feature map is. */
import { askUntilDone, BEHIND, Refused } from "../base/asker.mjs";
import { byId, div, element, textButton } from "../base/dom.mjs";
import { reason } from "../base/notice.mjs";
import { decodeBytes } from "../base/pixels.mjs";
import * as ids from "../generated/ids.mjs";
import { setUnder } from "./image.mjs";
import { answerOf, classOf, layerIndex, layers, namesClasses, shown, whole } from "./shown.mjs";
import { view } from "./view.mjs";

/** @import { Map2d } from "../base/pixels.mjs" */
/** @import { Shown } from "./shown.mjs" */
/** @import { ClassMap } from "../generated/live.d.ts" */
/** @import { Running } from "../generated/shared.d.ts" */

const PREDICTED = -1;
const LEAST_CELLS = 4;

/** What is known, or why nothing is. @type {{ key: string, found: ClassMap | null, map: Map2d | null, message: string } | null} */
let known = null;
/** @type {Running | null} */
let waiting = null;
let asking = false;
let drawnFor = "";

const isOn = () => view.now.cam !== null;

/** The layer to look at: the chosen one, else the last that has some cells each way. */
function layer() {
  const chosen = layerIndex(view.now.camLayer);
  if (chosen >= 0) return chosen;
  const fine = layers().findLastIndex(({ height, width }) => Math.min(height, width) >= LEAST_CELLS);
  return fine < 0 ? layers().length - 1 : fine;
}

/** The predicted class; of labels the likeliest, of values the first. @param {Shown} image */
function first({ prediction, probabilities }) {
  if (shown.model?.answers !== "labels") return Math.max(0, prediction);
  return probabilities.reduce((most, one) => ((one[1] ?? 0) > (most[1] ?? 0) ? one : most))[0];
}

/** @type {Record<string, string>} */
const FIRST = { classes: "predicted class", labels: "likeliest label", values: "first value", none: "" };

/** What to ask for, or null. */
function question() {
  const here = whole();
  const { cam } = view.now;
  if (!here || cam === null || !here.model.classes.length) return null;
  const { run, image } = here;
  const values = { class: cam === PREDICTED ? first(image) : cam, layer: layer() };
  const path = `/model/${run.uuid}/grad-cam/${image.ordinal}`;
  return { path, values, key: JSON.stringify([path, values]) };
}

/** Ask for what the page should show, if it is not known and nothing is under way. */
async function pump() {
  const want = question();
  if (asking || document.hidden || !want || known?.key === want.key) return;
  asking = true;
  draw();
  const still = () => question()?.key === want.key;
  try {
    /** @type {ClassMap | null} */
    const found = await askUntilDone(want.path, want.values, still, (said) => {
      waiting = said;
      draw();
    });
    if (found) {
      const { height, width } = found;
      const map = { codes: decodeBytes(found.codes), height, width, low: 0, step: 1, signed: false };
      known = { key: want.key, found, map, message: "" };
    }
  } catch (error) {
    const message =
      error instanceof Refused ? error.message : `The model could not be asked: ${reason(error)}`;
    known = { key: want.key, found: null, map: null, message };
  }
  asking = false;
  waiting = null;
  draw();
  pump();
}

/**
 * @param {string} id
 * @param {string} label
 * @param {[string, string][]} options value and words
 * @param {string} value
 * @param {(value: string) => void} choose
 */
function list(id, label, options, value, choose) {
  const node = element(
    "select",
    { id, "aria-label": label, title: label, onchange: () => choose(node.value) },
    ...options.map(([one, words]) => element("option", { value: one }, words)),
  );
  node.value = value;
  return node;
}

function controls() {
  const classes = shown.model?.classes ?? [];
  return div(
    "cam-controls",
    list(
      "cam-class",
      namesClasses() ? "Class that the light speaks for" : "Answer that the light speaks for",
      [
        [String(PREDICTED), FIRST[shown.model?.answers ?? "classes"]],
        ...classes.map((name, i) => /** @type {[string, string]} */ ([String(i), name])),
      ],
      String(view.now.cam ?? PREDICTED),
      (value) => view.set({ cam: Number(value) }),
    ),
    list(
      "cam-layer",
      "Layer that the light is of",
      layers().map(({ name }) => [name, name]),
      layers()[layer()]?.name ?? "",
      (value) => view.set({ camLayer: value }),
    ),
  );
}

function words() {
  const want = question();
  if (shown.model && !shown.model.classes.length) return `${answerOf()}, so no place speaks for one.`;
  if (!want) return "";
  if (known?.key !== want.key) {
    if (waiting?.behind) return BEHIND;
    return waiting?.loading === false ? "Computing …" : "Loading the model …";
  }
  const { found, message } = known;
  if (!found) return message;
  const name = classOf(want.values.class);
  if (found.nowhere) return `No place of ${layers()[want.values.layer].name} speaks for ${name}.`;
  return `Light where it speaks for ${name}${found.beforeSoftmax ? "" : " (by its probability)"}`;
}

/** Draw the controls, unless they stand already, and what is known. */
function draw() {
  const place = byId(ids.GRAD_CAM);
  const want = question();
  const here = known?.key === want?.key ? known : null;
  setUnder(here?.map && !here.found?.nowhere ? here.map : null);
  const classes = shown.model?.classes.length;
  const standing = JSON.stringify([isOn(), view.now.cam, layer(), shown.run?.uuid]);
  if (standing !== drawnFor) {
    drawnFor = standing;
    const focused = place.contains(document.activeElement) ? document.activeElement?.id : null;
    const button = textButton("Grad-CAM", toggleCam, {
      id: "cam-switch",
      "aria-pressed": String(isOn()),
      title: "Where in the image the network finds a class: Grad-CAM (G)",
    });
    place.replaceChildren(button);
    if (isOn() && classes) place.append(controls());
    if (isOn()) place.append(element("p", { class: "small", role: "status" }));
    if (focused) document.getElementById(focused)?.focus();
  }
  const status = place.querySelector("[role=status]");
  if (!status || status.textContent === words()) return;
  status.textContent = words();
  if (here && !here.found) {
    status.append(
      " ",
      element("button", { class: "map-compute", type: "button", onclick: tryAgain }, "Try again"),
    );
  }
}

function tryAgain() {
  known = null;
  pump();
}

/** Lay the Grad-CAM of the predicted class over the image, or take it off. */
export function toggleCam() {
  view.set(isOn() ? { cam: null, camLayer: null } : { cam: PREDICTED });
}

/** Bring it in line with the view. */
export function followCam() {
  if (!shown.model) return;
  draw();
  pump();
}
