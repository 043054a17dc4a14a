/* Deleting runs: the question, the answer, and what the server refuses. */
import { setProps } from "../base/dash.mjs";
import { button, byId, setText } from "../base/dom.mjs";
import { count, plural, size } from "../base/format.mjs";
import { notice } from "../base/notice.mjs";
import { READ_ONLY } from "../base/read-only.mjs";
import * as ids from "../generated/ids.mjs";
import { lookNow } from "./poll.mjs";
import { chosen } from "./table.mjs";

/** @import { Deleted } from "../generated/runs.d.ts" */
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
  lines.push("What is deleted cannot be brought back.");
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

export function deleteDoomed() {
  number += 1;
  setProps(ids.RUNS_DOOMED, { data: { number, ids: doomed.map((row) => row.id) } });
}

/** The server began to delete, all or some. @param {Deleted} answer */
export function deletionAnswered({ refused }) {
  notice(refused.length ? `Not deleted: ${refused.join("; ")}.` : null);
  lookNow();
}
