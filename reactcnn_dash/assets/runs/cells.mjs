/* Cells of the table of runs, by the names that its columns call them (see pages/runs/layout.py). */
import { dash } from "../base/dash.mjs";
import { count, duration, meanError, size } from "../base/format.mjs";
import { livePage } from "../base/links.mjs";
import { READ_ONLY } from "../base/read-only.mjs";
import { images, signed, tags, time, writable } from "./rows.mjs";

/** @import { Row } from "./rows.mjs" */

/** @param {...unknown} parts */
const h = (...parts) => dash.React.createElement(...parts);

/** Characters at the end of a text that are never left out. */
const TAIL = 12;

/**
 * @param {string} text
 * @param {string} tag
 * @param {{ className?: string } & Record<string, unknown>} attributes
 */
function middle(text, tag, attributes) {
  // What is short is one piece, and what is not is spoken as one.
  if (tag === "a" && text.length <= 2 * TAIL) return h(tag, attributes, text);
  const cut = Math.max(Math.ceil(text.length / 2), text.length - TAIL);
  return h(
    tag,
    {
      ...attributes,
      ...(tag === "a" ? { "aria-label": text } : {}),
      className: `${attributes.className ?? ""} middle`.trim(),
    },
    h("span", { className: "middle-head" }, text.slice(0, cut)),
    h("span", { className: "middle-tail" }, text.slice(cut)),
  );
}

/** The mean absolute error of a network of values stands where others have their accuracy. @param {Row} row */
const errorText = ({ error }) => (error === null ? "" : `± ${meanError(error)}`);

dash.dashAgGridFunctions = {
  ...dash.dashAgGridFunctions,
  runImages: (/** @type {{ data: Row }} */ { data }) => images(data),
  runPercent: (/** @type {{ value: number | null, data: Row }} */ { value, data }) =>
    value === null ? errorText(data) : `${value.toFixed(1)} %`,
  runOdd: (/** @type {{ value: number | null }} */ { value }) => (value === null ? "–" : count(value)),
  runTime: (/** @type {{ value: Date }} */ { value }) => time(value),
  runDuration: (/** @type {{ data: Row }} */ { data }) => duration(data.seconds),
  runSize: (/** @type {{ data: Row }} */ { data }) => size(data.bytes),
  runWritable: (/** @type {Row} */ row) => !READ_ONLY && writable(row),
  runNote: (/** @type {{ value: string, data: Row }} */ { value, data }) => signed(value, data.authors.note),
  runNoteTip: (/** @type {{ value: string, data: Row }} */ { value, data }) =>
    signed(value, data.authors.note, true),
  /** Keys that mean something else here than in the grid. */
  runKey: (/** @type {{ event: KeyboardEvent, editing: boolean }} */ { event, editing }) =>
    !editing && (event.key === "Delete" || event.key === "Backspace"),
};

dash.dashAgGridComponentFunctions = {
  ...dash.dashAgGridComponentFunctions,
  /** A text whose ends tell: what does not fit is left out of its middle. */
  Middle: (/** @type {{ value: string | null }} */ { value }) => middle(value ?? "", "span", {}),
  /** A run's name, which opens it. */
  RunName: (/** @type {{ value: string, data: Row }} */ { value, data }) => {
    const href = livePage({ run: data.id });
    const title = signed(`Open ${value}`, data.authors.name, true);
    return middle(value, "a", { className: "run-link", href, title, tabIndex: -1 });
  },
  RunState: (/** @type {{ value: string, data: Row }} */ { value, data }) =>
    h(
      "span",
      { className: "state", "data-state": value },
      value === "deleting" ? `deleting · ${count(data.stored)}` : value,
    ),
  RunTags: (/** @type {{ value: string, data: Row }} */ { value, data }) =>
    h(
      "span",
      { className: "run-tags", title: signed("", data.authors.tags, true) },
      tags(value).map((tag) => h("span", { className: "run-tag", key: tag }, tag)),
    ),
};
