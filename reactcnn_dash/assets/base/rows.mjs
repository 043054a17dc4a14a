/* Rows of a table that are walked through and chosen; and how far work on the report is. */
import { BEHIND, shareDone, showProgress } from "./asker.mjs";
import { around } from "./dom.mjs";

/** @import { Running } from "../generated/shared.d.ts" */

/** @param {Element} body @returns {HTMLElement[]} */
const rowsOf = (body) => [
  .../** @type {NodeListOf<HTMLElement>} */ (body.querySelectorAll(":scope > [data-key]")),
];

/**
 * A table's row by its key.
 * @param {Element} body
 * @param {string | null} key
 */
export const rowOf = (body, key) => rowsOf(body).find((row) => row.dataset.key === key);

/**
 * Let arrow keys walk through a table's rows and Enter choose; one row alone is a tab stop.
 * @param {HTMLElement} body
 * @param {(key: string) => void} choose
 */
export function walkRows(body, choose) {
  body.addEventListener("click", (event) => {
    const key = around(event, "tr[data-key]")?.dataset.key;
    if (key !== undefined) choose(key);
  });
  body.addEventListener("keydown", (event) => {
    const row = event.target;
    if (!(row instanceof HTMLElement) || row.dataset.key === undefined) return;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) {
      const rows = rowsOf(body);
      const next = rows[rows.indexOf(row) + by];
      if (next) {
        row.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      }
    } else if (event.key === "Enter" || event.key === " ") {
      choose(row.dataset.key);
    } else {
      return;
    }
    event.preventDefault();
  });
}

/**
 * Make the chosen row, or else the first, the table's tab stop, and mark it.
 * @param {Element} body
 * @param {string | null} key
 */
export function markRows(body, key) {
  const rows = rowsOf(body);
  const at = Math.max(
    0,
    rows.findIndex((row) => row.dataset.key === key),
  );
  rows.forEach((row, i) => {
    row.tabIndex = i === at ? 0 : -1;
    row.setAttribute("aria-selected", String(row.dataset.key === key));
  });
}

/**
 * Show how far the background process is; null takes the bar away.
 * @param {HTMLElement} place
 * @param {Running | null} waiting `behind`: other work comes first
 * @param {string} words
 * @param {string} label
 */
export function showWork(place, waiting, words, label) {
  if (!waiting) showProgress(place, null);
  else if (waiting.behind) showProgress(place, BEHIND, 0, label);
  else showProgress(place, words, shareDone(waiting), label);
}
