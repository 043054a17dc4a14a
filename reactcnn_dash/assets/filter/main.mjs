/* The filter page: its start, its keys, and what Dash calls (see pages/filter/page.py). */
import { ask, askUntilDone, pause } from "../base/asker.mjs";
import { boot } from "../base/boot.mjs";
import { onScheme } from "../base/colours.mjs";
import { around, byId, link } from "../base/dom.mjs";
import { showEmpty } from "../base/empty.mjs";
import { notice, reason } from "../base/notice.mjs";
import { hideTip } from "../base/tip.mjs";
import * as ids from "../generated/ids.mjs";
import { drawClasses } from "./classes.mjs";
import { loadClusters } from "./clusters.mjs";
import { facts, known, layerName } from "./facts.mjs";
import { copyAddress, drawHead, stepFilter } from "./head.mjs";
import { drawHistory, loadHistory } from "./history.mjs";
import { drawKernel } from "./kernel.mjs";
import { drawNearest, drawScatter } from "./nearest.mjs";
import { loadTops, toggleOverlay, tops } from "./top-images.mjs";
import { view } from "./view.mjs";

/** @import { FilterFacts, RunNow } from "../generated/filter.d.ts" */
/** @import { Nothing } from "../base/empty.mjs" */

const SLOW_MS = 400;
const LOOK_MS = 2000;
const TYPING = "input, textarea, select, [contenteditable], [role=listbox], [role=dialog], dialog";
let number = 0;
/** What a link asked for in vain, while the nearest is on its way. */
let refused = "";

/**
 * The nearest to a filter that the run does not have; null where nothing is near.
 * @returns {Promise<{ change: { layer: string | null, filter: number | null }, words: string } | null>}
 */
async function nearestFilter() {
  const { run, layer, filter } = view.now;
  if (layer === null && filter === null) return null;
  try {
    /** @type {FilterFacts} */
    const { layers } = await ask("/filters/of", { run });
    const [name, filters] = layers.find(([one]) => one === layer) ?? layers[0];
    const known = layer === null || name === layer;
    const number = known ? Math.min(filter ?? 0, filters - 1) : 0;
    return { change: { layer: name, filter: number }, words: `${name}:${number} is the nearest.` };
  } catch {
    // The run itself is not there: what was said of it stands.
    return null;
  }
}

function drawAll() {
  drawHead();
  drawClasses();
  drawNearest();
  drawKernel();
}

/** @param {Nothing | null} empty */
function drawEmpty(empty) {
  showEmpty(empty, "Looking for images …");
  if (empty) byId(ids.FILTER_BODY).hidden = true;
}

/** A run that is collected: bring the page up to date once it has grown enough. @param {() => boolean} still */
async function watch(still) {
  const { renewedAt } = known().run;
  if (renewedAt === null) return;
  for (;;) {
    await pause(LOOK_MS);
    if (!still()) return;
    if (document.hidden) continue;
    try {
      /** @type {RunNow} */
      const now = await ask("/filters/run", view.now);
      if (!still()) return;
      if (now.stored >= renewedAt || !now.collecting) {
        follow(true);
        return;
      }
    } catch (error) {
      if (still()) notice(reason(error));
    }
  }
}

/**
 * Bring the page in line with the view. What stands stays until the new is here.
 * @param {boolean} grown it is the run alone that has changed
 */
async function follow(grown) {
  number += 1;
  const mine = number;
  const still = () => mine === number;
  notice(null);
  if (!grown) hideTip();
  const body = byId(ids.FILTER_BODY);
  const slow = window.setTimeout(() => {
    if (!still() || grown) return;
    body.classList.add("busy");
    notice("Reading what the store knows of this filter …", "info");
  }, SLOW_MS);
  try {
    /** @type {FilterFacts | null} */
    const found = await askUntilDone("/filters/of", view.now, still, ({ empty }) => {
      window.clearTimeout(slow);
      notice(null);
      drawEmpty(empty);
    });
    if (!found) return;
    notice(refused || null, "warning");
    refused = "";
    drawEmpty(null);
    facts.now = found;
    if (!grown) tops.found = null;
    body.hidden = false;
    drawAll();
    loadTops(still, grown);
    loadHistory(still);
    loadClusters(still);
    watch(still);
  } catch (error) {
    const nearest = still() && !refused ? await nearestFilter() : null;
    if (!still()) return;
    refused = "";
    // What has a nearest that is itself is there: something else is wrong.
    const there = Object.entries(nearest?.change ?? {}).every(
      ([name, value]) => /** @type {Record<string, unknown>} */ (view.now)[name] === value,
    );
    if (!nearest || there) {
      notice(reason(error));
      if (grown) watch(still);
      return;
    }
    refused = `${reason(error)}. ${nearest.words}`;
    view.settle(nearest.change);
  } finally {
    window.clearTimeout(slow);
    if (still()) body.classList.remove("busy");
  }
}

/** @type {Record<string, () => unknown>} */
const KEYS = {
  ArrowLeft: () => stepFilter(-1),
  ArrowRight: () => stepFilter(1),
  c: copyAddress,
  o: toggleOverlay,
  l: () => facts.now && window.location.assign(link(ids.FILTER_LIVE).href),
};

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (around(event, TYPING)) return;
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

function start() {
  view.listen(() => follow(false));
  onScheme(() => facts.now && drawKernel());
  window.addEventListener("resize", () => {
    if (!facts.now) return;
    drawScatter();
    drawHistory();
  });
  follow(false);
}

/**
 * The controls report back what they are set to: only another place is a choice.
 * @param {{ layer?: string, filter?: number }} change
 */
function choose(change) {
  if (!facts.now) return;
  const { run, filter } = facts.now;
  const shown = { layer: layerName(facts.now), filter };
  const now = view.now.layer ? { layer: view.now.layer, filter: view.now.filter ?? 0 } : shown;
  const next = { ...now, ...change };
  if (next.layer !== now.layer || next.filter !== now.filter) view.set({ run: run.id, ...next });
}

/** @param {string} layer */
function chooseLayer(layer) {
  if (layer === view.now.layer || !facts.now) return;
  choose({ layer, filter: layer === layerName(facts.now) ? facts.now.filter : 0 });
}

boot({
  last: ids.FILTER_CLUSTERS,
  start,
  onKey,
  actions: {
    filterPrevious: () => stepFilter(-1),
    filterNext: () => stepFilter(1),
    filterLayer: chooseLayer,
    filterNumber: (filter) => Number.isInteger(filter) && choose({ filter }),
    filterCopy: copyAddress,
    filterOverlay: toggleOverlay,
  },
});
