/* Deleting runs: the question, the answer, and what the server refuses. */
import { setProps } from "../base/dash.mjs";
import { button, byId, setText } from "../base/dom.mjs";
import { count, plural, size } from "../base/format.mjs";
import { notice } from "../base/notice.mjs";
import { READ_ONLY } from "../base/read-only.mjs";
import * as ids from "../generated/ids.mjs";
import { UNDO_SECONDS } from "../generated/rules.mjs";
import { lookNow } from "./poll.mjs";
import { leaving } from "./rows.mjs";
import { chosen, restateNow } from "./table.mjs";
import { offerUndo } from "./undo.mjs";

/** @import { Deleted, Doomed } from "../generated/runs.d.ts" */
/** @import { Row } from "./rows.mjs" */

const NAMED = 8;
let number = 0;
/** @type {Row[]} */
let doomed = [];

/** @param {readonly Row[]} rows */
const names = (rows) => rows.map((row) => row.name).join(", ");

/**
 * What is asked before runs are deleted.
 * @param {readonly Row[]} rows
 * @param {readonly Row[]} collecting
 */
function question(rows, collecting) {
  const lines = rows
    .slice(0, NAMED)
    .map((row) => `${row.name}: ${plural(row.stored, "image")}, ${size(row.bytes)}`);
  if (rows.length > NAMED) lines.push(`and ${count(rows.length - NAMED)} more`);
  const all = rows.reduce((sum, row) => sum + row.bytes, 0);
  lines.push("");
  if (rows.length > 1) lines.push(`${count(rows.length)} runs, ${size(all)} in all.`);
  if (rows.some((row) => row.state === "stalled")) {
    lines.push("A stalled run's collector, should it still live, is told to stop.");
  }
  if (collecting.length) lines.push(`Being collected, and therefore kept: ${names(collecting)}.`);
  lines.push(
    `For ${UNDO_SECONDS} seconds this can be undone (Ctrl Z), and nothing is deleted before; what is then deleted cannot be brought back. Should this page be closed meanwhile, or the server end, everything is kept.`,
  );
  return lines.join("\n");
}

/** Ask before the chosen runs are deleted. */
export function askToDelete() {
  const runs = chosen();
  const collecting = runs.filter((row) => row.state === "collecting");
  doomed = runs.filter((row) => row.state !== "collecting");
  if (!runs.length) return;
  if (READ_ONLY) {
    notice(READ_ONLY, "warning");
    return;
  }
  if (!doomed.length) {
    notice(`${names(collecting)} is being collected: stop its collector first, then delete it.`, "warning");
    return;
  }
  setText(ids.RUNS_CONFIRM_TEXT, question(doomed, collecting));
  byId(ids.RUNS_CONFIRM, HTMLDialogElement).showModal();
  button(ids.RUNS_CONFIRM_NO).focus();
}

/** @param {readonly Row[]} rows @param {boolean} leave */
function mark(rows, leave) {
  for (const { id } of rows) {
    if (leave) leaving.add(id);
    else leaving.delete(id);
  }
  restateNow();
}

/** The question was answered with yes: the runs go when it cannot be undone any more. */
export function deleteDoomed() {
  const runs = doomed.filter(({ id }) => !leaving.has(id));
  if (!runs.length) return;
  mark(runs, true);
  const what = runs.length === 1 ? runs[0].name : plural(runs.length, "run");
  offerUndo({
    words: `${what} will be deleted in ${UNDO_SECONDS} seconds.`,
    undo: () => mark(runs, false),
    settle: () => {
      mark(runs, false);
      number += 1;
      /** @type {Doomed} */
      const data = { number, ids: runs.map((row) => row.id) };
      setProps(ids.RUNS_DOOMED, { data });
    },
  });
}

/** The server began to delete, all or some. @param {Deleted} answer */
export function deletionAnswered({ refused }) {
  notice(refused.length ? `Not deleted: ${refused.join("; ")}.` : null);
  lookNow();
}
