/* A run as the table shows it: values to sort and filter by, and how they are written. */
import { count } from "../base/format.mjs";

/** @import { RunRow } from "../generated/runs.d.ts" */

/** @typedef {ReturnType<typeof prepare>} Row */

const SHORT = 7;

const TIME = new Intl.DateTimeFormat("en-GB", {
  day: "2-digit",
  month: "short",
  year: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
});

/** @param {Date} date */
export const time = (date) => TIME.format(date).replace(",", "");

/** A run that waits for its turn to be deleted is silent, but not forgotten. */
const HALF = "half deleted";
const DELETING = "deleting";
/** Runs whose deletion can still be undone: nothing has been done to them. @type {Set<number>} */
export const leaving = new Set();

/** Whether a run is on its way out. @param {{ state: string }} row */
const goes = ({ state }) => state === DELETING || state === HALF;

/**
 * The row of a run.
 * @param {RunRow} row what the server says of it
 * @param {ReadonlySet<number>} deleting ids that the server is at
 */
export function prepare(row, deleting) {
  return {
    ...row,
    key: String(row.id),
    checkpointText: `${row.model} · ${row.sha256.slice(0, SHORT)} · ${row.checkpoint}`,
    checkpointTip: `${row.model}, weights ${row.sha256}, from ${row.checkpoint}`,
    percent: row.accuracy === null ? null : 100 * row.accuracy,
    stateText: leaving.has(row.id)
      ? "deleted soon"
      : row.state === HALF && deleting.has(row.id)
        ? DELETING
        : row.state,
    startedAt: new Date(row.started),
    minutes: row.seconds / 60,
    megabytes: row.bytes / 1e6,
    tagText: row.tags.join(", "),
  };
}

/** How many images a run has, and will have. @param {RunRow} row */
export const images = (row) =>
  row.total === null || row.total === row.stored || goes(row)
    ? count(row.stored)
    : `${count(row.stored)} of ${count(row.total)}`;

/** The tags in what a person wrote. @param {string | null} text */
export const tags = (text) =>
  (text ?? "")
    .split(",")
    .map((tag) => tag.trim())
    .filter(Boolean);

/** Whether a run may be written on. @param {{ state: string }} row */
export const writable = (row) => !goes(row);
