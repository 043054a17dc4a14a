/* The filter in hand: under the pointer, in keyboard focus, or pinned. Shows its map and value. */
import { byId } from "../base/dom.mjs";
import { number } from "../base/format.mjs";
import { sameFilter } from "../base/grid.mjs";
import { listenToGrid } from "../base/hand.mjs";
import { notice } from "../base/notice.mjs";
import { tip } from "../base/tip.mjs";
import * as ids from "../generated/ids.mjs";
import { clusterOf, openLayer, preparePanel } from "./clusters.mjs";
import { deviationWords } from "./deviation-grid.mjs";
import { hideMap, showMap } from "./feature-map.mjs";
import { grid } from "./grid.mjs";
import { layerData } from "./layer-data.mjs";
import { drawLegend, gapFromCode } from "./scale.mjs";
import { followSheet, markSheet } from "./sheet.mjs";
import { address, filterText, pageOf, pinned, shown } from "./shown.mjs";
import { view } from "./view.mjs";
import { movedBy } from "./what-if.mjs";

/** @import { At } from "../base/grid.mjs" */
/** @import { Place } from "../base/tip.mjs" */
/** @import { Entry } from "./layer-data.mjs" */

/** Under the pointer or in keyboard focus. @type {At | null} */
let inHand = null;
/** @type {Place | null} */
let place = null;
/** @type {{ focus(at: At): void } | null} */
let hand = null;
/** The layer whose map is shown. */
let mapped = -1;

/** The layer of the filter in hand, or null. */
export const layerInHand = () => inHand?.layer ?? null;

/** The filter in hand if it is of a layer. @param {number} layer */
export const inHandOf = (layer) => (inHand?.layer === layer ? inHand : null);

/** What is shown: the filter in hand, else the pinned one. */
const current = () => inHand ?? pinned();

/** @param {At} at @param {Entry | null} entry */
function tipText(at, entry) {
  const exact = entry?.value ? entry.value.gap[at.filter] : null;
  const rough = gapFromCode(at);
  const value = exact !== null ? number(exact) : rough === null ? "NaN" : `≈ ${number(rough)}`;
  const deviation = deviationWords(at);
  const moved = movedBy(at);
  const more = moved === null ? "" : ` · moved by ≈ ${number(moved)}`;
  return `${address(at)} · GAP ${value}${deviation ? ` · deviation ${deviation}` : ""}${more}`;
}

/** @param {Entry | null} entry */
function drawTip(entry) {
  if (!inHand || !place) {
    tip(null);
    return;
  }
  const cluster = clusterOf(inHand);
  tip([tipText(inHand, entry), ...(cluster ? [cluster] : [])], place);
}

function draw() {
  const at = current();
  const entry = at && layerData(at.layer);
  if (!at || !entry) {
    mapped = -1;
    hideMap();
  } else if (entry.value || entry.error) {
    mapped = at.layer;
    showMap(at, entry);
  } else {
    const { image } = shown;
    entry.ready.then(() => {
      if (image === shown.image && sameFilter(at, current())) draw();
    });
    // The map that stands is replaced when the new one is here: no flicker at each image.
    if (mapped !== at.layer) hideMap();
  }
  drawTip(entry);
}

/** Take a filter in hand. @param {At | null} at @param {Place | null} where the pointer's place, null for none */
export function move(at, where) {
  place = where;
  if (sameFilter(at, inHand)) {
    drawTip(at && layerData(at.layer));
    return;
  }
  const before = layerInHand();
  inHand = at;
  grid.ring("ring", at);
  markSheet();
  if (layerInHand() !== before) drawLegend(layerInHand());
  draw();
}

/** Draw again: another image, another size, another pinned filter. */
export function refresh() {
  if (!shown.image || !grid.geometry) return;
  grid.ring("ring", inHand);
  grid.ring("pin", pinned());
  draw();
  followSheet();
}

/** Take a filter in hand by keyboard. @param {At} at */
export const focusFilter = (at) => hand?.focus(at);

/** Pin a filter, or let go of it when it is pinned already. @param {At} at */
export function pin(at) {
  const text = filterText(at);
  view.set({ filter: view.now.filter === text ? null : text });
}

/** Go to the page of a filter; without one, of that in hand or pinned. @param {At | null} [at] */
export function openPage(at = current()) {
  if (at) window.location.assign(pageOf(at));
  else notice("Point at a filter, or click it, for its page.", "info");
}

export function listenToPointer() {
  hand = listenToGrid(grid, byId(ids.GRID), {
    at: () => inHand,
    move,
    near: (layer) => {
      layerData(layer);
      // Who comes near a layer may open it: its libraries are large.
      preparePanel();
    },
    choose: (at) => {
      pin(at);
      openLayer(at.layer);
    },
  });
}
