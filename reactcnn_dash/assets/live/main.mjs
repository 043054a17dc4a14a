/* The live page: its start, its keys, and what Dash calls (see callbacks/). */
import { boot } from "../base/boot.mjs";
import { onScheme } from "../base/colours.mjs";
import { parameterOf, setProps } from "../base/dash.mjs";
import { around, byId } from "../base/dom.mjs";
import * as ids from "../generated/ids.mjs";
import { listenToByClass, openByClass } from "./by-class.mjs";
import "./cells.mjs";
import {
  backToAuto,
  chooseMethod,
  chooseParameter,
  chooseRow,
  closePanel,
  fitGraph,
  hoverNode,
  openLayer,
  selectOf,
  styleGraph,
  takeClusters,
  tapNode,
} from "./clusters.mjs";
import { nextOdd, pumpDeviations, toggleMode } from "./deviations.mjs";
import {
  exportGraphml,
  exportGraphPng,
  exportNpz,
  exportParquet,
  exportReport,
  exportViewPng,
} from "./exports.mjs";
import { follow } from "./follow.mjs";
import { toggleCam } from "./grad-cam.mjs";
import { grid } from "./grid.mjs";
import { setStrength } from "./image.mjs";
import { computeMissing } from "./maps-again.mjs";
import { focusJump, jumpTo, listenToNavigator, zoomBy, zoomFit } from "./navigator.mjs";
import {
  focusFilter,
  inHandOf,
  layerInHand,
  listenToPointer,
  move,
  openPage,
  pin,
  refresh,
} from "./pointer.mjs";
import {
  arrive,
  chooseRun,
  goBy,
  goLive,
  goTo,
  goToTyped,
  nextMisclassified,
  pump,
  take,
  tick,
  togglePlay,
} from "./poll.mjs";
import { drawLegend, setScale } from "./scale.mjs";
import {
  chooseSearch,
  closeSearch,
  dropLinked,
  startSearch,
  stepHit,
  toggleSearch,
  toggleWrong,
} from "./search.mjs";
import { listenToSheet, toggleSheet } from "./sheet.mjs";
import { shown } from "./shown.mjs";
import { buildSlider } from "./slider.mjs";
import { buildStrip } from "./strip.mjs";
import { chooseSubset, clusterSearch } from "./subset.mjs";
import { listenToTour } from "./tour.mjs";
import { view } from "./view.mjs";
import { toggleFilter, togglePanel } from "./what-if.mjs";

/** @import { Action } from "../base/dash.mjs" */

const TYPING =
  "input:not([type=radio]), textarea, select, [contenteditable], [role=slider], [role=dialog]:not(.tour), dialog, .ag-root";

let due = false;

/** The view changed: everything follows once what changed it is done. @param {boolean} back */
function viewChanged(back) {
  if (back) arrive();
  if (due) return;
  due = true;
  queueMicrotask(() => {
    due = false;
    if (!shown.model) return;
    rescale();
    follow();
    pump();
  });
}

/** Let go of what is open, the innermost first. */
function letGo() {
  const { cluster, filter, gone, layer, search } = view.now;
  if (cluster !== null) view.set({ cluster: null });
  else if (filter !== null) view.set({ filter: null });
  else if (layer !== null) view.set({ layer: null });
  else if (search !== null) closeSearch();
  else if (gone !== null) view.set({ gone: null });
  move(null, null);
}

/** A key while cells have the focus. @param {KeyboardEvent} event @returns {boolean} whether it meant something */
function onGridKey(event) {
  const picture = around(event, ".block-cells");
  if (!picture) return false;
  const layer = Number(picture.dataset.layer);
  const at = inHandOf(layer) ?? { layer, filter: 0 };
  const key = event.key.toLowerCase();
  if (event.key.startsWith("Arrow")) focusFilter(grid.step(at, event.key));
  else if (key === "enter") pin(at);
  else if (key === "c") openLayer(layer);
  else if (key === "r") selectOf(at);
  else if (key === "x") toggleFilter(at);
  else return false;
  return true;
}

/** @type {Record<string, () => unknown>} */
const KEYS = {
  ArrowLeft: () => goBy(-1),
  ArrowRight: () => goBy(1),
  Home: () => goTo(0),
  End: goLive,
  " ": togglePlay,
  m: nextMisclassified,
  o: nextOdd,
  d: toggleMode,
  x: () => toggleFilter(inHandOf(layerInHand() ?? -1) ?? undefined),
  f: () => openPage(),
  w: togglePanel,
  g: toggleCam,
  v: computeMissing,
  j: focusJump,
  a: toggleSheet,
  "+": () => zoomBy(1),
  "-": () => zoomBy(-1),
  0: zoomFit,
  "/": startSearch,
  b: openByClass,
  n: () => stepHit(1),
  p: () => stepHit(-1),
};

/** @param {KeyboardEvent} event */
function onKey(event) {
  const { key } = event;
  const typing = around(event, TYPING);
  if (key === "Escape") {
    // The first one leaves a field of the search, so that no word is lost with it.
    if (typing?.closest(`#${ids.SEARCH}`)) byId(ids.STRIP).focus();
    else if (!around(event, "[role=dialog], dialog")) letGo();
    return;
  }
  if (typing) return;
  if (key === " " && around(event, "button, a, [role=radiogroup]")) return;
  if (key.startsWith("Arrow") && around(event, "[role=radiogroup]")) return;
  if (!onGridKey(event)) {
    const action = KEYS[key.length === 1 ? key.toLowerCase() : key];
    if (!action) return;
    action();
  }
  event.preventDefault();
}

function start() {
  buildSlider();
  buildStrip();
  listenToPointer();
  listenToNavigator();
  listenToSheet();
  listenToByClass();
  listenToTour();
  view.listen(viewChanged);
  onScheme(() => {
    grid.repaint();
    styleGraph();
    refresh();
    drawLegend(null);
  });
  new ResizeObserver(() => grid.layout()).observe(byId(ids.GRID));
  document.addEventListener("visibilitychange", () => {
    pump();
    pumpDeviations();
  });
  setProps(ids.SCALE, { value: view.now.scale });
  arrive();
  pump();
}

/** @param {number | string} ordinal */
function typed(ordinal) {
  if (ordinal === "") return;
  goToTyped(Number(ordinal));
  setProps(ids.ORDINAL, { value: null });
}

/** @param {"layer" | "network"} scale */
function chooseScale(scale) {
  view.set({ scale });
}

let scaled = view.now.scale;

/** Bring the colours in line with the scale in the view. */
function rescale() {
  const { scale } = view.now;
  if (scale === scaled) return;
  scaled = scale;
  setProps(ids.SCALE, { value: scale });
  if (!shown.image) return;
  setScale(shown.image);
  grid.repaint();
  drawLegend(null);
}

/** What is called for a choice of the search, null where a control was emptied. @param {Action} action @returns {Action} */
const ofSearch = (action) => (value) =>
  shown.model && action(value === "" || value === undefined ? null : value);

/** @param {string | number | null} value */
const whole = (value) => (value === null ? null : Math.max(0, Math.trunc(Number(value))));

boot({
  last: ids.STRIP,
  start,
  onKey,
  actions: {
    tick,
    frame: take,
    chooseRun,
    first: () => goTo(0),
    previous: () => goBy(-1),
    play: togglePlay,
    next: () => goBy(1),
    last: goLive,
    goTo: typed,
    nextMisclassified,
    nextOdd,
    chooseMode: (mode) => view.set({ mode }),
    chooseAgainst: (against) => view.set({ against }),
    chooseRate: (rate) => view.set({ rate }),
    chooseScale,
    overlay: (percent) => setStrength(percent / 100),
    clusters: takeClusters,
    closePanel,
    chooseMethod,
    backToAuto,
    fitGraph,
    chooseParameter: parameterOf(ids.PARAMETER, chooseParameter),
    tapNode,
    chooseRow,
    jumpTo,
    zoomOut: () => zoomBy(-1),
    zoomFit,
    zoomIn: () => zoomBy(1),
    toggleSearch,
    toggleWhatIf: togglePanel,
    closeSearch,
    searchWrong: toggleWrong,
    searchAnswered: dropLinked,
    openByClass,
    searchOrder: (order) => chooseSearch({ order }),
    previousResult: () => stepHit(-1),
    nextResult: () => stepHit(1),
    clustersOfThese: clusterSearch,
    exportNpz,
    exportParquet,
    exportReport,
    exportGraphml,
    exportGraphPng,
    exportViewPng,
  },
  choices: {
    hoverNode,
    chooseSubset,
    searchLabel: ofSearch((value) => chooseSearch({ label: whole(value) })),
    searchPrediction: ofSearch((value) => chooseSearch({ predicted: whole(value) })),
    searchFirst: ofSearch((value) => chooseSearch({ from: whole(value) })),
    searchLast: ofSearch((value) => chooseSearch({ to: whole(value) })),
  },
});
