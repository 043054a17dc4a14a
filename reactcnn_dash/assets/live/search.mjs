/* Searching in the run: the hits, a page at a time, and walking through them. */
import { ask } from "../base/asker.mjs";
import { setProps } from "../base/dash.mjs";
import { button, byId, setText } from "../base/dom.mjs";
import { count } from "../base/format.mjs";
import { notice, reason } from "../base/notice.mjs";
import * as ids from "../generated/ids.mjs";
import { HITS_A_PAGE } from "../generated/rules.mjs";
import { goTo } from "./poll.mjs";
import { EVERYTHING, readSearch, writeSearch } from "./search-text.mjs";
import { classOf, knowsLabels, lookedAt, namesClasses, shown } from "./shown.mjs";
import { clearStrip, drawStrip, firstInSight, resizeStrip, reveal } from "./strip.mjs";
import { view } from "./view.mjs";

/** @import { SearchPage } from "../generated/live.d.ts" */
/** @import { Search } from "./search-text.mjs" */

/** An image that was found. @typedef {{ ordinal: number, label: number | null, prediction: number, wrong: boolean | null, confidence: number | null, error: number | null }} Hit */

const RENEW_MS = 2000;

/** How many hits there are, null while that is not known; and the place of the one gone to last. */
export const search = {
  /** @type {number | null} */
  total: null,
  at: -1,
};
let key = "";
/** Hits by page, or on their way. @type {Map<number, Hit[] | Promise<Hit[]>>} */
let pages = new Map();
let storedThen = -1;
let renewedAt = 0;
let controlled = "";

/** What names the open search of the run on the page; "" without one. */
const keyOf = () => (view.now.search !== null && shown.run ? `${shown.run.uuid}/${view.now.search}` : "");

/**
 * Ask for the page at an offset.
 * @param {number} offset
 * @param {number | null} near an image whose place is wanted too
 * @returns {Promise<SearchPage>}
 */
const pageAt = (offset, near) =>
  ask(`/runs/${shown.run?.uuid}/search`, { of: view.now.search, offset, near });

/** @param {SearchPage} page */
function taken({ hits, offset, total }) {
  const found = hits.map(([ordinal, label, prediction, wrong, confidence, error]) => ({
    ordinal,
    label,
    prediction,
    wrong,
    confidence,
    error,
  }));
  pages.set(offset / HITS_A_PAGE, found);
  search.total = total;
  return found;
}

/**
 * Fetch a page unless it is here or on its way; null when the search changed meanwhile.
 * @param {number} index
 * @param {number | null} near
 * @returns {Promise<{ hits: Hit[], place: number | null } | null>}
 */
async function load(index, near) {
  const known = pages.get(index);
  if (known && near === null) return { hits: await known, place: null };
  const asked = key;
  const coming = pageAt(index * HITS_A_PAGE, near);
  if (!known) {
    const hits = coming.then((page) => (asked === key ? taken(page) : []));
    hits.catch(() => asked === key && pages.delete(index));
    pages.set(index, hits);
  }
  const page = await coming;
  return asked === key ? { hits: taken(page), place: page.place } : null;
}

/** Do what may fail at the server; say what went wrong. @param {() => Promise<void>} action */
async function tried(action) {
  try {
    await action();
  } catch (error) {
    notice(`The search failed: ${reason(error)}`);
  }
}

/** A hit by its place, or undefined while its page is fetched: the strip is drawn again then. @param {number} index */
export function hitIn(index) {
  const at = Math.floor(index / HITS_A_PAGE);
  const page = pages.get(at);
  if (Array.isArray(page)) return page[index % HITS_A_PAGE];
  if (!page) {
    tried(async () => {
      if (await load(at, null)) drawStrip();
    });
  }
  return undefined;
}

/** @param {number} index */
async function hitAt(index) {
  const loaded = await load(Math.floor(index / HITS_A_PAGE), null);
  return loaded?.hits[index % HITS_A_PAGE];
}

function drawCount() {
  const { total, at } = search;
  const words = total === null ? "" : `${count(total)} of ${count(shown.run?.stored ?? 0)}`;
  setText(ids.SEARCH_COUNT, words);
  byId(ids.SEARCH_COUNT).title = at >= 0 && total ? `Result ${count(at + 1)} of ${count(total)}` : "";
  for (const id of [ids.SEARCH_PREVIOUS, ids.SEARCH_NEXT, ids.SEARCH_CLUSTERS]) button(id).disabled = !total;
}

function forget() {
  pages = new Map();
  storedThen = shown.run?.stored ?? -1;
  renewedAt = Date.now();
}

/**
 * Begin a search anew: its first page, and where the image on the page stands in it.
 * @param {boolean} opened the strip shows that place; else what comes first
 */
function begin(opened) {
  forget();
  search.total = null;
  search.at = -1;
  clearStrip();
  tried(async () => {
    if (!(await load(0, null))) return;
    drawCount();
    resizeStrip();
    drawStrip();
    // The place of an image takes the longer, the more results lie before it: it is asked for last.
    const begun = await load(0, lookedAt());
    if (!begun) return;
    search.at = begun.place ?? -1;
    drawCount();
    if (opened && search.at >= 0) reveal(search.at);
    drawStrip();
  });
}

/** The run has grown: what is in sight is asked for again. */
function renew() {
  forget();
  tried(async () => {
    if (!(await load(Math.floor(firstInSight() / HITS_A_PAGE), null))) return;
    drawCount();
    resizeStrip();
    drawStrip();
  });
}

/** Bring the search in line with the view and the run. */
export function refreshSearch() {
  const wanted = keyOf();
  byId(ids.SEARCH).hidden = !wanted;
  byId(ids.SEARCH_BUTTON).setAttribute("aria-expanded", String(Boolean(wanted)));
  if (!wanted) {
    key = "";
    return;
  }
  if (wanted !== key) {
    const opened = key === "";
    key = wanted;
    begin(opened);
  } else if (shown.run?.stored !== storedThen && Date.now() - renewedAt > RENEW_MS) {
    renew();
  } else {
    drawStrip();
  }
  drawCount();
}

/** Go to a hit by its place. @param {number} index */
export const goToHit = (index) =>
  tried(async () => {
    const hit = await hitAt(index);
    if (!hit) return;
    search.at = index;
    goTo(hit.ordinal);
    drawCount();
    reveal(index);
    drawStrip();
  });

/** The place of the hit that follows the image on the page; null when the search changed meanwhile. @param {number} by */
async function following(by) {
  const ordinal = lookedAt();
  const here = search.at >= 0 ? await hitAt(search.at) : undefined;
  if (here?.ordinal === ordinal) return search.at + by;
  const begun = await load(0, ordinal);
  if (!begun) return null;
  if (begun.place === null) return search.at + by;
  const there = begun.place < (search.total ?? 0) ? await hitAt(begun.place) : undefined;
  return begun.place + (by > 0 && there?.ordinal !== ordinal ? 0 : by);
}

/** Walk through the hits, from the image on the page: +1 for the next one, −1 for the one before. @param {number} by */
export function stepHit(by) {
  if (view.now.search === null || !search.total) return;
  const { total } = search;
  tried(async () => {
    const next = await following(by);
    if (next === null) return;
    if (next >= 0 && next < total) await goToHit(next);
    else notice(by > 0 ? "No result after this one." : "No result before this one.", "info");
  });
}

/** Open the search, or close it. */
export const toggleSearch = () => view.set({ search: view.now.search === null ? EVERYTHING : null });

/** Open the search by keyboard: what to look for comes first. */
export function startSearch() {
  if (view.now.search === null) view.set({ search: EVERYTHING });
  byId(ids.SEARCH).hidden = false;
  byId(shown.run?.labelled ? ids.SEARCH_LABEL : ids.SEARCH_PREDICTION).focus();
}

export const closeSearch = () => view.set({ search: null });

/** Change what is asked for. @param {Partial<Search>} change */
export function chooseSearch(change) {
  if (view.now.search === null) return;
  const before = readSearch(view.now.search);
  const text = writeSearch({ ...before, ...change });
  // A control that was set says so, too.
  if (text !== writeSearch(before)) view.set({ search: text });
}

export const toggleWrong = () => chooseSearch({ wrong: !readSearch(view.now.search).wrong });

/** What only a link asks for, in words; "" for nothing. @param {Search} wanted */
function linkedWords({ answered, missed, extra }) {
  const parts = [];
  if (answered !== null) parts.push(answered ? "Answered" : "Without an answer");
  if (missed !== null) parts.push(`${classOf(missed)} missed`);
  if (extra !== null) parts.push(`${classOf(extra)} wrongly given`);
  return parts.join(", ");
}

/** Leave out what only a link asks for. */
export const dropLinked = () => chooseSearch({ answered: null, missed: null, extra: null });

/** The orders that mean something for the run on the page. */
function orders() {
  const data = [{ value: "ordinal", label: "By number" }];
  if (namesClasses())
    data.push({ value: "unsure", label: "Least sure first" }, { value: "sure", label: "Surest first" });
  else data.push({ value: "error", label: knowsLabels() ? "Most wrong first" : "Largest error first" });
  return data;
}

/** Bring the controls in line with the view; a run's classes may be a thousand. */
export function drawSearchControls() {
  const wanted = keyOf();
  if (wanted === controlled) return;
  controlled = wanted;
  if (!wanted || !shown.model) return;
  const { label, predicted, wrong, from, to, order } = readSearch(view.now.search);
  const data = shown.model.classes.map((name, index) => ({ value: String(index), label: name }));
  const text = (/** @type {number | null} */ value) => (value === null ? null : String(value));
  setProps(ids.SEARCH_LABEL, { data, value: text(label) });
  setProps(ids.SEARCH_PREDICTION, { data, value: text(predicted) });
  setProps(ids.SEARCH_FIRST, { value: from });
  setProps(ids.SEARCH_LAST, { value: to });
  setProps(ids.SEARCH_ORDER, { data: orders(), value: order });
  byId(ids.SEARCH_WRONG).setAttribute("aria-pressed", String(wrong));
  setText(ids.SEARCH_WRONG, knowsLabels() ? "Any label wrong" : "Misclassified");
  const more = linkedWords(readSearch(view.now.search));
  byId(ids.SEARCH_ANSWERED).hidden = !more;
  setText(ids.SEARCH_ANSWERED, more);
}
