/* The tour of a first visit: three steps, each about something of the run, that end in a find. */
import { askUntilDone } from "../base/asker.mjs";
import { besideOf } from "../base/beside.mjs";
import { around, button, byId } from "../base/dom.mjs";
import { notice, reason } from "../base/notice.mjs";
import { explained } from "../base/terms.mjs";
import * as ids from "../generated/ids.mjs";
import { openClusters, openLayer } from "./clusters.mjs";
import { nextOdd, ofImage, ofRun } from "./deviations.mjs";
import { grid } from "./grid.mjs";
import { levelOf, ranked, strangenessText } from "./oddness.mjs";
import { inHandOf } from "./pointer.mjs";
import { nextMisclassified } from "./poll.mjs";
import { address, classOf, collecting, filterText, layers, openIndex, shown, whole } from "./shown.mjs";
import { clusterFound, clusterWords, filterFound, filterWords, oddWords, wrongWords } from "./tour-text.mjs";
import { view } from "./view.mjs";
import { firstVisit, keepSeen } from "./visit.mjs";

/** @import { Box } from "../base/beside.mjs" */
/** @import { FirstVisit, VisitCluster, VisitFilter } from "../generated/live.d.ts" */

/**
 * A step: what a person is asked to do, and what is there once it is done.
 * @typedef {object} Step
 * @property {string} title
 * @property {string} asks
 * @property {() => void} begin the page is made ready for it
 * @property {() => void} act do it for the person
 * @property {() => boolean} done whether it is done, by whomever
 * @property {() => void} reached what follows from that
 * @property {() => [string, string]} found title and words once it is done
 * @property {(done: boolean) => Box | null} target
 */

const NARROW = "(max-width: 1099px)";

/** Whether the tour is still to be offered by itself. */
let due = firstVisit;
/** @type {Step[]} */
let steps = [];
let at = 0;
let acted = false;
let reached = false;
let open = false;
/** @type {string | null} */
let uuid = null;
/** What had the focus before. @type {Element | null} */
let before = null;
let said = "";

const card = () => byId(ids.TOUR);
const mark = () => byId(ids.TOUR_MARK);

/** @param {string} selector @returns {Box | null} */
function boxOf(selector) {
  const box = document.querySelector(selector)?.getBoundingClientRect();
  return box?.width ? box : null;
}

/** @param {VisitFilter} filter @returns {Box} */
function cellBox({ layer, filter }) {
  const { left, top } = grid.blocks[layer].picture.getBoundingClientRect();
  const { pitch } = grid.placed();
  const { columns } = grid.placeOf(layer);
  const [column, row] = [filter % columns, Math.floor(filter / columns)];
  return { left: left + column * pitch, top: top + row * pitch, width: pitch - 1, height: pitch - 1 };
}

/** Bring a layer in sight. @param {number} layer */
const bring = (layer) =>
  grid.blocks[layer].node.scrollIntoView({
    block: window.matchMedia(NARROW).matches ? "center" : "nearest",
    inline: "center",
  });

/** @param {VisitFilter} filter @returns {Step} */
function filterStep(filter) {
  const place = { layer: filter.layer, filter: filter.filter };
  const text = filterText(place);
  const same = () => inHandOf(place.layer)?.filter === place.filter || view.now.filter === text;
  return {
    title: "Point here",
    asks: filterWords(filter, `filter ${place.filter} of ${layers()[place.layer].name}`),
    begin: () => bring(place.layer),
    act: () => view.settle({ filter: text }),
    done: same,
    reached: () => view.settle({ filter: text }),
    found: () => [address(place), filterFound(filter)],
    target: () => cellBox(filter),
  };
}

/** @param {VisitCluster} cluster @returns {Step} */
function clusterStep(cluster) {
  const layer = layers()[cluster.layer];
  return {
    title: "Click this layer",
    asks: clusterWords(cluster, layer),
    begin: () => {
      view.settle({ filter: null });
      bring(cluster.layer);
    },
    act: () => openLayer(cluster.layer),
    done: () => openIndex() === cluster.layer && openClusters() !== null,
    reached: () => view.settle({ cluster: cluster.cluster, filter: null }),
    found: () => [`${cluster.size} filters move together`, clusterFound(cluster)],
    target: (done) => {
      const { label, picture } = grid.blocks[cluster.layer];
      return (done ? picture : label).getBoundingClientRect();
    },
  };
}

/** Where an odd image strays, in words. @returns {[string, string]} */
function oddFound() {
  const title = `Image ${shown.image?.ordinal} is odd`;
  const known = ofImage();
  if (!known?.found) return [title, known?.failure?.message ?? "Looking for where …"];
  const [first] = ranked(known.found.layers).filter((layer) => levelOf(layer) > 0);
  const [suspect] = known.found.suspects;
  const where = first
    ? `It strays most in ${first.name}: strangeness ${strangenessText(first)}, where 0 is usual.`
    : "No layer strays by itself; together they do.";
  const which = suspect ? ` ${address(suspect)} stands out most of all filters.` : "";
  return [title, `${where}${which} Point at a name in the list, and the grid shows it.`];
}

/** @param {number} odd @returns {Step} */
function oddStep(odd) {
  let from = -1;
  return {
    title: "Press O",
    asks: oddWords(odd),
    begin: () => {
      view.settle({ layer: null, cluster: null, filter: null });
      from = shown.image?.ordinal ?? -1;
    },
    act: nextOdd,
    done: () => {
      const { image } = shown;
      const known = ofRun();
      if (!image || image.ordinal === from || !known) return false;
      return known.odd.includes(image.ordinal) || known.odd.length < known.count;
    },
    reached: () => view.settle({ mode: "deviation" }),
    found: oddFound,
    target: (done) => boxOf(done ? `#${ids.STANDING_OUT}` : `#${ids.NEXT_ODD}`),
  };
}

/** @param {number} wrong @returns {Step} */
function wrongStep(wrong) {
  let from = -1;
  return {
    title: "Press M",
    asks: wrongWords(wrong),
    begin: () => {
      view.settle({ layer: null, cluster: null, filter: null });
      from = shown.image?.ordinal ?? -1;
    },
    act: nextMisclassified,
    done: () => {
      const { image } = shown;
      return image !== null && image.ordinal !== from && image.label !== image.prediction;
    },
    reached: () => {},
    found: () => {
      const { ordinal, label, prediction } = /** @type {import("./shown.mjs").Shown} */ (shown.image);
      const truth = label === null ? "" : `Its label is ${classOf(label)}, `;
      const taken =
        prediction < 0 ? "the network gives no answer." : `the network says ${classOf(prediction)}.`;
      return [`Image ${ordinal} is misclassified`, `${truth}${taken}`];
    },
    target: (done) => boxOf(done ? `#${ids.IMAGE_CAPTION}` : `#${ids.MISCLASSIFIED}`),
  };
}

/** @param {FirstVisit} facts */
function stepsOf({ filter, cluster, odd, wrong }) {
  return [
    ...(filter ? [filterStep(filter)] : []),
    ...(cluster ? [clusterStep(cluster)] : []),
    ...(odd ? [oddStep(odd)] : wrong ? [wrongStep(wrong)] : []),
  ];
}

/** @param {number} to */
function goToStep(to) {
  at = to;
  acted = false;
  reached = false;
  steps[at].begin();
  draw();
}

function draw() {
  const step = steps[at];
  const [title, words] = reached ? step.found() : [step.title, step.asks];
  const last = at === steps.length - 1;
  const next = acted || reached ? (last ? "Done" : "Next") : "Show me";
  const text = JSON.stringify([at, title, words, next]);
  if (text === said) return;
  said = text;
  byId(ids.TOUR_TITLE).textContent = title;
  byId(ids.TOUR_TEXT).replaceChildren(...explained(words));
  byId(ids.TOUR_PLACE).textContent = `${at + 1} of ${steps.length}`;
  byId(ids.TOUR_NEXT).textContent = next;
  byId(ids.TOUR_SKIP).hidden = last && reached;
}

/** @param {HTMLElement} node @param {{ left: number, top: number }} place */
function put(node, { left, top }) {
  const transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  if (node.style.transform !== transform) node.style.transform = transform;
}

const AROUND = 5;

function place() {
  const target = steps[at].target(reached);
  mark().hidden = !target;
  if (!target) return;
  put(mark(), { left: target.left - AROUND, top: target.top - AROUND });
  mark().style.width = `${target.width + 2 * AROUND}px`;
  mark().style.height = `${target.height + 2 * AROUND}px`;
  const seen = [".map:not([hidden])", ".block.open .block-cells", ".picture", `#${ids.STANDING_OUT}`];
  const boxes = seen.map(boxOf).filter((box) => box !== null);
  const { offsetWidth: width, offsetHeight: height } = card();
  const room = { width: document.documentElement.clientWidth, height: window.innerHeight };
  put(card(), besideOf({ width, height }, target, boxes, room));
}

function frame() {
  if (!open) return;
  if (shown.run?.uuid !== uuid || !whole()) {
    end();
    return;
  }
  const step = steps[at];
  if (!reached && step.done()) {
    reached = true;
    step.reached();
  }
  draw();
  place();
  requestAnimationFrame(frame);
}

function next() {
  if (!acted && !reached) {
    acted = true;
    steps[at].act();
    draw();
  } else if (at < steps.length - 1) goToStep(at + 1);
  else end();
}

function end() {
  if (!open) return;
  open = false;
  const held = card().contains(document.activeElement);
  card().hidden = true;
  mark().hidden = true;
  document.removeEventListener("keydown", onEscape, true);
  if (held && before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
}

/** @param {FirstVisit} facts */
function begin(facts) {
  end();
  steps = stepsOf(facts);
  if (!steps.length) return false;
  keepSeen();
  due = false;
  open = true;
  uuid = shown.run?.uuid ?? null;
  before = document.activeElement;
  said = "";
  if (facts.image !== null) view.settle({ image: facts.image });
  card().hidden = false;
  document.addEventListener("keydown", onEscape, true);
  goToStep(0);
  place();
  button(ids.TOUR_NEXT).focus({ preventScroll: true });
  requestAnimationFrame(frame);
  return true;
}

/** @param {KeyboardEvent} event */
function onEscape(event) {
  if (event.key !== "Escape" || around(event, "dialog, input, textarea, select")) return;
  event.preventDefault();
  event.stopPropagation();
  end();
}

/** Arrows go through the steps, not through the images. @param {KeyboardEvent} event */
function onKey(event) {
  if (event.key === "ArrowRight") next();
  else if (event.key === "ArrowLeft") goToStep(Math.max(0, at - 1));
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Whether a person has done something of their own. */
let begun = false;

/** Offer the tour once a run stands that is over, to who has not begun anything meanwhile. */
export async function pumpTour() {
  const { run } = shown;
  if (!due || !run || !whole() || collecting() || document.hidden) return;
  due = false;
  const still = () => shown.run?.uuid === run.uuid && !begun;
  try {
    const facts = await askUntilDone(`/first-visit/${run.uuid}`, {}, still, () => {});
    if (facts && still()) begin(facts);
  } catch {
    // Nobody asked for it: what is wrong with the store is told by the poll.
  }
}

/** The tour is asked for. */
async function again() {
  byId(ids.HELP, HTMLDialogElement).close();
  const { run } = shown;
  if (!run || !whole()) {
    notice("There is no image yet that a tour could begin on.", "info");
    return;
  }
  const still = () => shown.run?.uuid === run.uuid;
  try {
    const facts = await askUntilDone(`/first-visit/${run.uuid}`, {}, still, () => {});
    if (facts) {
      view.set({
        image: facts.image ?? view.now.image,
        layer: null,
        cluster: null,
        filter: null,
        mode: "gap",
      });
      begin(facts);
    }
  } catch (error) {
    notice(reason(error));
  }
}

export function listenToTour() {
  card().addEventListener("keydown", onKey);
  byId(ids.TOUR_SKIP).addEventListener("click", end);
  byId(ids.TOUR_NEXT).addEventListener("click", next);
  document.addEventListener("click", (event) => {
    if (around(event, `#${ids.TOUR_AGAIN}`)) again();
  });
  for (const kind of ["pointerdown", "keydown"]) {
    window.addEventListener(kind, () => (begun = true), { capture: true, once: true });
  }
}
