/* A search as the text that stands in the address: `label-3.wrong.unsure` (see search.py). Pure. */
import { className } from "../base/format.mjs";

/** @typedef {"label" | "predicted" | "missed" | "extra" | "from" | "to"} NumberedField */
/** @typedef {"ordinal" | "unsure" | "sure" | "error"} Order */

/**
 * What a search asks for; null for anything.
 * @typedef {{ label: number | null, predicted: number | null, missed: number | null, extra: number | null, from: number | null, to: number | null, wrong: boolean, answered: boolean | null, order: Order }} Search
 */

/** @type {readonly NumberedField[]} */
const NUMBERED = ["label", "predicted", "missed", "extra", "from", "to"];
/** @type {readonly Order[]} */
const ORDERS = ["unsure", "sure", "error"];

/** Asks for nothing in particular. */
export const EVERYTHING = "all";

/** A search's text → what it asks for. @param {string | null} text @returns {Search} */
export function readSearch(text) {
  /** @type {Search} */
  const search = {
    label: null,
    predicted: null,
    missed: null,
    extra: null,
    from: null,
    to: null,
    wrong: false,
    answered: null,
    order: "ordinal",
  };
  for (const part of (text ?? "").split(".")) {
    const [, field, number] = part.match(/^(label|predicted|missed|extra|from|to)-(\d+)$/) ?? [];
    if (field) search[/** @type {NumberedField} */ (field)] = Number(number);
    else if (part === "wrong") search.wrong = true;
    else if (part === "answered" || part === "unanswered") search.answered = part === "answered";
    else search.order = ORDERS.find((order) => order === part) ?? search.order;
  }
  return search;
}

/** What a search asks for → its text. @param {Search} search */
export function writeSearch(search) {
  const parts = NUMBERED.filter((field) => Number.isInteger(search[field])).map(
    (field) => `${field}-${search[field]}`,
  );
  if (search.wrong) parts.push("wrong");
  if (search.answered !== null) parts.push(search.answered ? "answered" : "unanswered");
  if (search.order !== "ordinal") parts.push(search.order);
  return parts.join(".") || EVERYTHING;
}

/** The images of a search as a subset: the same text without an order. @param {string | null} text */
export const subsetOf = (text) => writeSearch({ ...readSearch(text), order: "ordinal" });

/** A search in words, for captions. @param {string} text @param {readonly string[]} classes */
export function searchWords(text, classes) {
  const { label, predicted, missed, extra, from, to, wrong, answered } = readSearch(text);
  const parts = [];
  if (wrong) parts.push("misclassified");
  if (answered !== null) parts.push(answered ? "answered" : "without an answer");
  if (label !== null) parts.push(`class ${className(classes, label)}`);
  if (predicted !== null) parts.push(`predicted ${className(classes, predicted)}`);
  if (missed !== null) parts.push(`${className(classes, missed)} missed`);
  if (extra !== null) parts.push(`${className(classes, extra)} wrongly given`);
  if (from !== null || to !== null) parts.push(`images ${from ?? 0} to ${to ?? "the last"}`);
  return parts.join(", ") || "all images";
}
