/* The strip of thumbnails below the grid: as long as all hits, but only those in sight are in the
   page, and only their pictures are fetched, several at a time. */
import { byId, element, paragraph, span } from "../base/dom.mjs";
import { count, percent } from "../base/format.mjs";
import { notice, reason } from "../base/notice.mjs";
import { drawPixels, fetchThumbnails } from "../base/pixels.mjs";
import * as ids from "../generated/ids.mjs";
import { errorWords } from "./answers.mjs";
import { closeSearch, goToHit, hitIn, search } from "./search.mjs";
import { classOf, lookedAt, namesClasses, shown } from "./shown.mjs";
import { view } from "./view.mjs";

/** @import { ShownRun } from "../generated/live.d.ts" */
/** @import { Thumbnail } from "../base/pixels.mjs" */
/** @import { Hit } from "./search.mjs" */

/** @typedef {{ node: HTMLElement, canvas: HTMLCanvasElement, ordinal: number, painted: boolean }} Tile */

const TILE = 78;
const AROUND = 3;
const AT_ONCE = 40;
const KEPT = 800;
// Beyond, a browser draws nothing: an element may be some 33 million pixels wide.
const MOST = 400000;

const inner = element("div", { class: "strip-inner", role: "presentation" });
/** @type {Map<number, Tile>} */
const tiles = new Map();
/** @type {Map<string, Thumbnail>} */
const pictures = new Map();
let loading = false;

const room = () => byId(ids.STRIP);

export function buildStrip() {
  const place = room();
  place.replaceChildren(inner);
  place.addEventListener("scroll", drawStrip, { passive: true });
  place.addEventListener("keydown", onKey);
  // A wheel turns; the strip lies.
  place.addEventListener("wheel", turn, { passive: false });
  new ResizeObserver(drawStrip).observe(place);
}

/** @param {WheelEvent} event */
function turn(event) {
  if (Math.abs(event.deltaY) <= Math.abs(event.deltaX) || event.ctrlKey) return;
  event.preventDefault();
  room().scrollLeft += event.deltaY;
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.key === "Escape") {
    event.stopPropagation();
    closeSearch();
    return;
  }
  const last = (search.total ?? 0) - 1;
  const { at } = search;
  const to = /** @type {Record<string, number>} */ ({
    ArrowLeft: Math.max(0, at - 1),
    ArrowRight: Math.min(last, at + 1),
    PageUp: Math.max(0, at - 10),
    PageDown: Math.min(last, at + 10),
    Home: 0,
    End: last,
  })[event.key];
  if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  // Elsewhere on the page these keys move through time.
  event.preventDefault();
  event.stopPropagation();
  if (last >= 0) goToHit(to);
}

/** @param {number} index @param {Hit} hit @returns {Tile} */
function makeTile(index, { ordinal, label, prediction, wrong, confidence, error }) {
  const classes = namesClasses();
  const off = classes ? "" : errorWords(error, wrong);
  const predicted = classes ? classOf(prediction) : "";
  const words = label !== null && wrong ? `${classOf(label)} → ${predicted}` : predicted || off;
  const sure = !classes ? "" : confidence === null ? "no answer" : percent(confidence, 0);
  const shortly = classes ? `${count(ordinal)} · ${sure}` : count(ordinal);
  const truth = label === null ? "predicted" : `${classOf(label)}, predicted`;
  const said = `Image ${count(ordinal)}${classes ? `: ${truth} ${predicted}, ${sure}` : off && `: ${off}`}`;
  const canvas = element("canvas", { class: "pixelated", width: "1", height: "1", "aria-hidden": "true" });
  const node = element(
    "div",
    {
      class: wrong ? "tile wrong" : "tile",
      role: "option",
      id: `hit-${index}`,
      "data-ordinal": ordinal,
      // What stands there comes first, so that who speaks to the page can say it.
      "aria-label": `${words} ${shortly}. ${said}`,
      title: said,
      onclick: () => goToHit(index),
    },
    canvas,
    span("tile-name", words),
    " ",
    span("tile-more", shortly),
  );
  node.style.left = `${index * TILE}px`;
  return { node, canvas, ordinal, painted: false };
}

/** @param {ShownRun} run @param {number} ordinal */
const keyOf = (run, ordinal) => `${run.uuid}/${ordinal}`;

/** @param {ShownRun} run @param {Tile} tile */
function paint(run, tile) {
  const picture = pictures.get(keyOf(run, tile.ordinal));
  if (!picture || tile.painted) return;
  tile.painted = true;
  tile.node.classList.add("painted");
  if (picture.pixels) drawPixels(tile.canvas, picture.pixels, picture.shape);
  else tile.node.classList.add("damaged");
}

/** Fetch the pictures of the tiles in sight; one request at a time, for what is in sight then. @param {ShownRun} run */
async function load(run) {
  if (loading) return;
  const ordinals = [...tiles.values()].map((tile) => tile.ordinal);
  const missing = ordinals.filter((ordinal) => !pictures.has(keyOf(run, ordinal)));
  if (!missing.length) return;
  loading = true;
  try {
    const found = await fetchThumbnails(run, missing.slice(0, AT_ONCE));
    for (const [ordinal, picture] of found) pictures.set(keyOf(run, ordinal), picture);
    for (const old of [...pictures.keys()].slice(0, Math.max(0, pictures.size - KEPT))) pictures.delete(old);
  } catch (error) {
    notice(`The thumbnails could not be read: ${reason(error)}`);
    return;
  } finally {
    loading = false;
  }
  drawStrip();
}

const shownCount = () => Math.min(search.total ?? 0, MOST);

/** The place of the first hit in sight. */
export const firstInSight = () => Math.floor(room().scrollLeft / TILE);

/** The tile of a hit, made anew when another image stands there now. @param {number} index */
function tileOf(index) {
  const hit = hitIn(index);
  const known = tiles.get(index);
  if (!hit || known?.ordinal === hit.ordinal) return known;
  known?.node.remove();
  const tile = makeTile(index, hit);
  tiles.set(index, tile);
  inner.append(tile.node);
  return tile;
}

/** Draw what is in sight. */
export function drawStrip() {
  const { run } = shown;
  if (view.now.search === null || !run) return;
  const place = room();
  const from = Math.max(0, firstInSight() - AROUND);
  const to = Math.min(shownCount(), Math.ceil((place.scrollLeft + place.clientWidth) / TILE) + AROUND);
  for (const [index, { node }] of tiles) {
    if (index >= from && index < to) continue;
    node.remove();
    tiles.delete(index);
  }
  for (let index = from; index < to; index++) {
    const tile = tileOf(index);
    if (!tile) continue;
    const current = tile.ordinal === lookedAt();
    tile.node.classList.toggle("current", current);
    tile.node.setAttribute("aria-selected", String(current));
    if (current) place.setAttribute("aria-activedescendant", tile.node.id);
    paint(run, tile);
  }
  load(run);
}

/** Forget what is shown: another search. */
export function clearStrip() {
  tiles.clear();
  inner.replaceChildren();
  const place = room();
  place.scrollLeft = 0;
  place.removeAttribute("aria-activedescendant");
}

/** Make room for all hits; say so when there are none. */
export function resizeStrip() {
  inner.style.width = `${shownCount() * TILE}px`;
  inner.querySelector(".strip-none")?.remove();
  if (search.total === 0) {
    inner.append(paragraph("strip-none", "No image of this run is like that. Ask for less."));
  }
}

/** Scroll until a hit is in sight. @param {number} index */
export function reveal(index) {
  const place = room();
  const left = index * TILE;
  if (left < place.scrollLeft) place.scrollLeft = left - TILE / 2;
  else if (left + TILE > place.scrollLeft + place.clientWidth) {
    place.scrollLeft = left + 1.5 * TILE - place.clientWidth;
  }
}
