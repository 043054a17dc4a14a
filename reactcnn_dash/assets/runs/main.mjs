/* The runs page: its start, its keys, and what Dash calls (see callbacks/runs_table.py). */
import { boot } from "../base/boot.mjs";
import { tableOf } from "../base/dash.mjs";
import { around, byId } from "../base/dom.mjs";
import { livePage } from "../base/links.mjs";
import * as ids from "../generated/ids.mjs";
import "./cells.mjs";
import { askToDelete, deleteDoomed, deletionAnswered } from "./delete.mjs";
import { exportRun } from "./export.mjs";
import { look, take, tick } from "./poll.mjs";
import { findRuns, listenToTable, table, writeIn } from "./table.mjs";
import { listenToUndo } from "./undo.mjs";
import { cellChanged, editAnswered, listenToLeaving } from "./write.mjs";

/** @import { Action } from "../base/dash.mjs" */
/** @import { Row } from "./rows.mjs" */

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (!table.api || !(event.target instanceof Element)) return;
  if (around(event, "input, textarea, dialog")) return;
  if (event.key === "/") {
    event.preventDefault();
    byId(ids.RUNS_FIND).focus();
  } else if (event.key === "Delete") {
    askToDelete();
  }
}

/**
 * Ctrl-Enter on a row opens it, as a click on its name does.
 * @param {{ event: KeyboardEvent, data: Row, api: any }} press
 */
function onGridKey({ event, data, api }) {
  if (event.key === "Enter" && event.ctrlKey && !api.getEditingCells().length) {
    window.location.assign(livePage({ run: data.id }));
  }
}

async function start() {
  const api = await tableOf(ids.RUNS_TABLE);
  listenToTable(api);
  listenToUndo();
  listenToLeaving();
  api.addEventListener("cellValueChanged", cellChanged);
  api.addEventListener("cellEditingStopped", look);
  api.addEventListener("cellKeyDown", onGridKey);
  const onClick = (/** @type {string} */ id, /** @type {() => unknown} */ action) =>
    byId(id).addEventListener("click", action);
  onClick(ids.RUNS_RENAME, () => writeIn("name"));
  onClick(ids.RUNS_TAG, () => writeIn("tagText"));
  onClick(ids.RUNS_ANNOTATE, () => writeIn("note"));
  onClick(ids.RUNS_EXPORT, exportRun);
  onClick(ids.RUNS_DELETE, askToDelete);
  onClick(ids.RUNS_CONFIRM_YES, deleteDoomed);
  const find = byId(ids.RUNS_FIND, HTMLInputElement);
  find.addEventListener("input", () => findRuns(find.value));
  document.addEventListener("visibilitychange", look);
  look();
}

/** What is called once the table stands. @param {Action} action @returns {Action} */
const withTable = (action) => (value) => table.api && action(value);

boot({
  last: ids.RUNS_CONFIRM,
  start,
  onKey,
  actions: {
    runsTick: withTable(tick),
    runsAnswer: withTable(take),
    runsEdited: withTable(editAnswered),
    runsDeleted: withTable(deletionAnswered),
  },
});
