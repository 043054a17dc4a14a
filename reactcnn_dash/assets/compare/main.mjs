/* The compare page: its start, its keys, and what Dash calls (see pages/compare/page.py). */
import { boot } from "../base/boot.mjs";
import { onScheme } from "../base/colours.mjs";
import { choiceOf, parameterOf, show } from "../base/dash.mjs";
import { around, byId } from "../base/dom.mjs";
import { notice, reason, tellLink } from "../base/notice.mjs";
import { saveReport } from "../base/report.mjs";
import { hideTip } from "../base/tip.mjs";
import * as ids from "../generated/ids.mjs";
import { drawChanged, forgetChanged } from "./changed.mjs";
import { drawClasses, forgetClasses } from "./classes.mjs";
import { asked, compare, compared } from "./comparison.mjs";
import { askExperiment, drawCurves } from "./curves.mjs";
import { drawFilters, forgetFilters } from "./filters.mjs";
import { drawFlow } from "./flow.mjs";
import { drawHead } from "./head.mjs";
import { chooseLayerRow, drawMatrix, fillLayers, markLayer } from "./layers.mjs";
import { drawPair, paintPair, stepPair } from "./pair.mjs";
import {
  chooseMethod,
  chooseMode,
  chooseParameter,
  chooseRun,
  drawEmpty,
  drawPicking,
  loadListed,
  swap,
} from "./picking.mjs";
import { view } from "./view.mjs";

/** @import { Compared } from "../generated/compare.d.ts" */

const TYPING =
  "input, textarea, select, [contenteditable], [role=slider], [role=radiogroup], [role=dialog], dialog, .ag-root";

/** Draw everything that depends on the view alone. */
function drawView() {
  const { found } = compared;
  drawPicking();
  drawEmpty();
  const app = byId(ids.APP);
  app.dataset.tab = view.now.tab;
  app.classList.toggle("with-comparison", found !== null);
  show(ids.COMPARE_TAB, view.now.tab);
  if (!found) return;
  markLayer(found);
  drawChanged();
  drawFilters(found);
  drawClasses(found);
}

/** A link may name a layer that the runs have not in common: the first takes its place. @param {Compared} found */
function honour({ layers }) {
  const { layer } = view.now;
  if (layer === null || layers.some(({ name }) => name === layer)) return;
  view.settle({ layer: null, cluster: null });
  tellLink([`The runs have no layer ${layer} in common. ${layers[0].name} is the first.`]);
}

/** Another comparison, or none. @param {Compared | null} found */
function takeComparison(found) {
  forgetChanged();
  forgetFilters();
  forgetClasses();
  drawHead(found);
  fillLayers(found);
  drawView();
  drawMatrix();
  drawPair();
  if (found) honour(found);
  document.title = found ? `${found.a.name} → ${found.b.name} · ReactCNN` : "Compare · ReactCNN";
}

/** @param {boolean} back */
function follow(back) {
  drawView();
  drawPair();
  compare(takeComparison);
  askExperiment();
  if (back) tellLink(view.refused);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const { image, cluster, experiment } = view.now;
  if (event.key === "Escape") {
    if (around(event, "[role=dialog], dialog, [role=listbox], input:not([type=radio])")) return;
    if (image !== null) view.set({ image: null });
    else if (cluster !== null) view.set({ cluster: null });
    hideTip();
    return;
  }
  if (around(event, TYPING)) return;
  if (image !== null && event.key === "ArrowLeft") stepPair("previous");
  else if (image !== null && event.key === "ArrowRight") stepPair("next");
  else if (event.key.toLowerCase() === "s" && experiment === null) swap();
  else return;
  event.preventDefault();
}

async function start() {
  view.listen(follow);
  onScheme(() => {
    drawMatrix();
    paintPair();
    drawCurves();
  });
  const watch = (/** @type {string} */ id, /** @type {() => void} */ drawn) =>
    new ResizeObserver(drawn).observe(byId(id));
  watch(ids.COMPARE_MATRIX, drawMatrix);
  watch(ids.COMPARE_FLOW, () => drawFlow(true));
  window.addEventListener("resize", drawCurves);
  follow(true);
  try {
    await loadListed();
    drawView();
  } catch (error) {
    notice(reason(error));
  }
}

boot({
  last: ids.COMPARE_CURVES,
  start,
  onKey,
  actions: {
    compareMode: choiceOf(ids.COMPARE_MODE, chooseMode),
    compareA: choiceOf(ids.COMPARE_A, (value) => chooseRun("a", value)),
    compareB: choiceOf(ids.COMPARE_B, (value) => chooseRun("b", value)),
    compareReport: () => saveReport(asked()),
    compareSwap: swap,
    compareExperiment: choiceOf(
      ids.COMPARE_EXPERIMENT,
      (experiment) => view.now.experiment !== null && view.set({ experiment }),
    ),
    compareAgainst: choiceOf(ids.COMPARE_AGAINST, (against) => view.set({ against })),
    compareMethod: choiceOf(ids.COMPARE_METHOD, chooseMethod),
    compareParameter: parameterOf(ids.COMPARE_PARAMETER, chooseParameter),
    compareLayerRow: chooseLayerRow,
    compareTab: choiceOf(ids.COMPARE_TAB, (tab) => view.set({ tab })),
    compareKind: choiceOf(ids.COMPARE_KIND, (kind) => view.set({ kind, page: 1 })),
    compareBack: () => view.set({ image: null }),
    comparePrevious: () => stepPair("previous"),
    compareNext: () => stepPair("next"),
    compareShown: choiceOf(ids.COMPARE_SHOWN, (shown) => view.set({ shown })),
    compareScale: choiceOf(ids.SCALE, (scale) => view.set({ scale })),
  },
});
