/* The table: its rows, what is chosen in it, and the buttons that act on that. */
import { setProps } from "../base/dash.mjs";
import { button, link, setText } from "../base/dom.mjs";
import { plural, size } from "../base/format.mjs";
import { comparePage, livePage } from "../base/links.mjs";
import { allow } from "../base/read-only.mjs";
import * as ids from "../generated/ids.mjs";
import { FLOAT32 } from "../generated/rules.mjs";
import { prepare, writable } from "./rows.mjs";
import { filterModel, sortState, sortText } from "./sorting.mjs";
import { view } from "./view.mjs";

/** @import { RunRow } from "../generated/runs.d.ts" */
/** @import { Row } from "./rows.mjs" */

/** The grid's own interface, once it stands. @type {{ api: any }} */
export const table = { api: null };

let find = "";
let restored = false;
/** Ids that the server is deleting. @type {ReadonlySet<number>} */
let lastBusy = new Set();

/** @param {string} key @returns {{ data: Row, rowIndex: number, updateData(row: Row): void } | undefined} */
export const nodeOf = (key) => table.api.getRowNode(key);

/** @returns {Row[]} */
const selected = () => table.api.getSelectedNodes().map((/** @type {{ data: Row }} */ node) => node.data);

/** The chosen runs, oldest first. */
export const chosen = () => selected().sort((a, b) => a.id - b.id);

export const editing = () => table.api.getEditingCells().length > 0;

/**
 * Take in rows that are new or changed, and take out those that are gone.
 * @param {{ whole?: boolean, rows?: readonly RunRow[], removed?: readonly number[], deleting: readonly number[] }} answer
 */
export function takeRows({ whole, rows = [], removed = [], deleting }) {
  const { api } = table;
  const busy = new Set(deleting);
  const changed = rows.map((row) => prepare(row, busy));
  const known = (/** @type {{ key: string }} */ row) => nodeOf(row.key) !== undefined;
  const add = changed.filter((row) => !known(row));
  const update = changed.filter(known);
  // Who wrote a text may have changed where the text has not.
  const signed = update.filter(
    ({ key, authors }) => JSON.stringify(authors) !== JSON.stringify(nodeOf(key)?.data.authors),
  );
  /** @type {{ key: string }[]} */
  const remove = removed.map((id) => ({ key: String(id) })).filter(known);
  if (whole) {
    const now = new Set(changed.map((row) => row.key));
    api.forEachNode((/** @type {{ data: Row }} */ { data }) => {
      if (!now.has(data.key)) remove.push(data);
    });
  }
  if (add.length + update.length + remove.length) {
    // The newest first where nothing else decides.
    api.applyTransaction({ add, update, remove, ...(add.length ? { addIndex: 0 } : {}) });
  }
  if (changed.some(({ precision }) => precision !== FLOAT32)) api.setColumnsVisible(["precision"], true);
  if (signed.length) api.refreshCells({ force: true, columns: ["name", "tagText", "note"] });
  lastBusy = busy;
  restate(busy);
  if (!restored) restore();
  showChosen();
}

/** A run that comes to its turn, or is given up, has no new row to say so. @param {ReadonlySet<number>} busy */
function restate(busy) {
  /** @type {Row[]} */
  const update = [];
  table.api.forEachNode((/** @type {{ data: Row }} */ { data }) => {
    const row = prepare(data, busy);
    if (row.stateText !== data.stateText) update.push(row);
  });
  if (update.length) table.api.applyTransaction({ update });
}

/** Say anew what becomes of the runs: the page itself has decided it. */
export const restateNow = () => restate(lastBusy);

/** @param {readonly Row[]} rows */
const number = (rows) =>
  `${plural(rows.length, "run")} · ${size(rows.reduce((sum, row) => sum + row.bytes, 0))}`;

/** @param {string} id @param {string | null} href */
function setLink(id, href) {
  const node = link(id);
  node.setAttribute("aria-disabled", String(!href));
  if (href) node.href = href;
  else node.removeAttribute("href");
}

/** Bring the buttons and the count in line with what is chosen. */
export function showChosen() {
  const runs = chosen();
  const one = runs.length === 1 ? runs[0] : null;
  const write = one !== null && writable(one);
  setLink(ids.RUNS_OPEN, one && livePage({ run: one.id }));
  setLink(ids.RUNS_COMPARE, runs.length === 2 ? comparePage(runs[0].id, runs[1].id) : null);
  for (const id of [ids.RUNS_RENAME, ids.RUNS_TAG, ids.RUNS_ANNOTATE]) allow(button(id), write);
  const exporting = button(ids.RUNS_EXPORT);
  exporting.disabled = !write || !one.stored || exporting.dataset.busy === "true";
  allow(button(ids.RUNS_DELETE), runs.length > 0);
  setText(ids.RUNS_COUNT, runs.length ? `${number(runs)} chosen` : number(shown()));
}

/** @returns {Row[]} */
function shown() {
  /** @type {Row[]} */
  const rows = [];
  table.api.forEachNodeAfterFilter((/** @type {{ data: Row }} */ node) => rows.push(node.data));
  return rows;
}

/** What a filter hides is not chosen: nobody deletes what they do not see. */
function letGoOfHidden() {
  const here = new Set(shown().map((row) => row.key));
  const nodes = table.api
    .getSelectedNodes()
    .filter((/** @type {{ id: string }} */ node) => !here.has(node.id));
  if (nodes.length) table.api.setNodesSelected({ nodes, newValue: false });
}

function keepAddress() {
  if (!restored) return;
  const { api } = table;
  const model = api.getFilterModel();
  view.set({
    find,
    sort: sortText(api.getColumnState()),
    filter: Object.keys(model).length ? JSON.stringify(model) : "",
    page: api.paginationGetCurrentPage() + 1,
  });
}

/** @param {string} text */
export function findRuns(text) {
  if (text === find) return;
  find = text;
  table.api.setGridOption("quickFilterText", text);
}

/** Show the list that the address asks for. */
function order() {
  const wanted = view.now;
  table.api.applyColumnState({ state: sortState(wanted.sort), defaultState: { sort: null } });
  const model = filterModel(wanted.filter);
  if (model) table.api.setFilterModel(model);
  if (wanted.find) {
    setProps(ids.RUNS_FIND, { value: wanted.find });
    findRuns(wanted.find);
  }
}

/** Show the list that the address asks for after the person went back or forth. */
function goBack() {
  restored = false;
  table.api.setFilterModel(filterModel(view.now.filter));
  setProps(ids.RUNS_FIND, { value: view.now.find });
  findRuns(view.now.find);
  order();
  restore();
}

/** A page of the list can only be gone to once there are rows. */
function restore() {
  if (table.api.getDisplayedRowCount()) table.api.paginationGoToPage(Math.max(1, view.now.page) - 1);
  restored = true;
}

/** Begin to write in a cell of the chosen run. @param {string} column */
export function writeIn(column) {
  const { api } = table;
  const node = api.getSelectedNodes()[0];
  if (!node) return;
  api.paginationGoToPage(Math.floor(node.rowIndex / api.paginationGetPageSize()));
  api.ensureIndexVisible(node.rowIndex);
  api.ensureColumnVisible(column);
  api.setFocusedCell(node.rowIndex, column);
  api.startEditingCell({ rowIndex: node.rowIndex, colKey: column });
}

/**
 * Who opens a note or tags goes on at their end: what was written is not there to be typed over.
 * @param {FocusEvent} event
 */
function goOnAtEnd({ target }) {
  if (!(target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement)) return;
  if (!target.closest(".ag-large-text, .ag-cell[col-id=tagText]")) return;
  // After the table has chosen all of it.
  queueMicrotask(() => target.setSelectionRange(target.value.length, target.value.length));
}

/** @param {any} api */
export function listenToTable(api) {
  table.api = api;
  order();
  document.addEventListener("focusin", goOnAtEnd);
  view.listen((back) => back && goBack());
  api.addEventListener("selectionChanged", showChosen);
  api.addEventListener("sortChanged", keepAddress);
  api.addEventListener("paginationChanged", keepAddress);
  api.addEventListener("filterChanged", () => {
    letGoOfHidden();
    keepAddress();
    showChosen();
  });
}
