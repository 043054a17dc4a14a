/* The redundancy page: its start, its keys, and what Dash calls (see pages/redundancy/page.py). */
import { boot } from "../base/boot.mjs";
import { onScheme } from "../base/colours.mjs";
import { around, byId } from "../base/dom.mjs";
import { tellLink } from "../base/notice.mjs";
import { markRows, rowOf } from "../base/rows.mjs";
import { hideTip } from "../base/tip.mjs";
import * as ids from "../generated/ids.mjs";
import { drawLayer } from "./clusters.mjs";
import { repaintEvidence } from "./evidence.mjs";
import { drawLayers, openLayer } from "./layers.mjs";
import { drawPaper } from "./paper.mjs";
import { askReport, chooseRun, chooseThreshold, current, drawReport, list } from "./report.mjs";
import { drawStability } from "./stability.mjs";
import { view } from "./view.mjs";

/** A layer or cluster that the address asks for and the run does not have is let go of, and said. */
function honour() {
  const { layer, cluster } = view.now;
  const open = openLayer();
  if (!current() || layer === null) return;
  if (!open) {
    view.settle({ layer: null, cluster: null });
    tellLink([...view.refused, `The run has no layer ${layer}.`]);
  } else if (cluster !== null && !open.clusters.some(({ label }) => label === cluster)) {
    view.settle({ cluster: null });
    tellLink([...view.refused, `${layer} has no cluster ${cluster} of two or more filters at this τ.`]);
  }
}

function draw() {
  honour();
  drawReport(draw);
  drawLayers();
  drawLayer();
  drawStability();
  drawPaper();
}

/** @param {boolean} back */
function follow(back) {
  draw();
  askReport(draw);
  if (back) tellLink(view.refused);
}

/**
 * Who closes something by keyboard goes on where it was.
 * @param {string} place
 * @param {string} key
 */
function focusRow(place, key) {
  const body = byId(place).querySelector("tbody");
  const row = body && rowOf(body, key);
  if (!row) return;
  markRows(body, key);
  row.setAttribute("aria-selected", "false");
  row.focus();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.key !== "Escape" || around(event, "[role=dialog], [role=listbox], dialog, input")) return;
  hideTip();
  const { cluster, layer } = view.now;
  if (cluster !== null) {
    view.set({ cluster: null });
    focusRow(ids.REDUNDANCY_LAYER, String(cluster));
  } else if (layer !== null) {
    view.set({ layer: null });
    focusRow(ids.REDUNDANCY_LAYERS, layer);
  }
}

async function start() {
  view.listen(follow);
  onScheme(repaintEvidence);
  if (await list.begin()) follow(true);
}

boot({
  last: ids.REDUNDANCY_PAPER,
  start,
  onKey,
  actions: {
    redundancyRun: chooseRun,
    redundancyThreshold: chooseThreshold,
    redundancyPrint: () => window.print(),
  },
});
