/* Names, tags and notes: what a person wrote goes to the server, which has the last word. */
import { setProps } from "../base/dash.mjs";
import { notice } from "../base/notice.mjs";
import * as ids from "../generated/ids.mjs";
import { lookNow } from "./poll.mjs";
import { tags } from "./rows.mjs";
import { nodeOf } from "./table.mjs";
import { offerUndo } from "./undo.mjs";

/** @import { RunEdit, RunEdited } from "../generated/runs.d.ts" */
/** @import { Row } from "./rows.mjs" */

let number = 0;
/**
 * An edit that the server has not answered; `undoing` if it takes back another.
 * @typedef {{ key: string, name: string, oldValue: string, value: string, undoing: boolean }} Edit
 */

/** @type {Map<number, Edit>} */
const open = new Map();
/* One edit is on its way at a time: of two, Dash may drop the first, or the server carry out the
   second before it. */
/** @type {number[]} */
const waiting = [];
/** @type {number | null} */
let underWay = null;
let patience = 0;
const PATIENCE_MS = 10_000;
const WORDS = /** @type {Record<string, string>} */ ({ name: "name", tagText: "tags", note: "note" });

/** @param {string | null} text */
const words = (text) => (text ?? "").split(/\s+/).filter(Boolean).join(" ");

/**
 * What the server will make of a text, and how it is told.
 * @type {Record<string, { clean: (text: string | null) => string, edit: (text: string) => Partial<RunEdit> }>}
 */
export const COLUMNS = {
  name: { clean: words, edit: (text) => ({ name: text }) },
  tagText: {
    clean: (text) => [...new Set(tags(text).map(words))].join(", "),
    edit: (text) => ({ tags: tags(text) }),
  },
  note: { clean: (text) => (text ?? "").trim(), edit: (text) => ({ note: text }) },
};

/**
 * Put a value into a cell as if nobody had written there.
 * @param {string} key
 * @param {string} column
 * @param {string} value
 */
function put(key, column, value) {
  const node = nodeOf(key);
  node?.updateData({ ...node.data, [column]: value });
}

/**
 * A cell was changed by hand.
 * @param {{ data: Row, column: { getColId(): string }, newValue: string | null, oldValue: string }} event
 */
export function cellChanged({ data, column, newValue, oldValue }) {
  const name = column.getColId();
  if (!COLUMNS[name]) return;
  const text = COLUMNS[name].clean(newValue);
  put(data.key, name, text);
  if (text !== oldValue) send({ key: data.key, name, oldValue, value: text, undoing: false });
}

/** @param {Edit} edit */
function send(edit) {
  number += 1;
  open.set(number, edit);
  waiting.push(number);
  sendNext();
}

function sendNext() {
  const next = underWay === null ? waiting.shift() : undefined;
  const edit = open.get(next ?? 0);
  if (next === undefined || !edit) return;
  underWay = next;
  // A server that is gone never answers.
  patience = window.setTimeout(() => {
    notice(`The server has not answered: the ${WORDS[edit.name]} of ${nameOf(edit)} may not be stored.`);
    // Nobody has it in hand any more, so leaving the page loses nothing.
    open.delete(next);
    ended(next);
  }, PATIENCE_MS);
  /** @type {RunEdit} */
  const data = { id: Number(edit.key), number: next, ...COLUMNS[edit.name].edit(edit.value) };
  setProps(ids.RUNS_EDIT, { data });
}

/** @param {Edit} edit */
const nameOf = ({ key }) => nodeOf(key)?.data.name ?? "the run";

/** What is shown and not stored yet would be lost with the page: the browser asks before it goes. */
export function listenToLeaving() {
  window.addEventListener("beforeunload", (event) => {
    if (open.size) event.preventDefault();
  });
}

/** @param {number} answered */
function ended(answered) {
  if (answered !== underWay) return;
  window.clearTimeout(patience);
  underWay = null;
  sendNext();
}

/** Take an edit back, unless somebody has written there since. @param {Edit} edit */
function takeBack({ key, name, oldValue, value }) {
  const row = nodeOf(key)?.data;
  const now = row && /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (row))[name];
  if (now !== value) {
    notice(`The ${WORDS[name]} has been changed again since, or the run is gone: it stays.`, "warning");
    return;
  }
  put(key, name, oldValue);
  send({ key, name, oldValue: value, value: oldValue, undoing: true });
}

/** The server's answer to an edit. @param {RunEdited} answer */
export function editAnswered({ number: answered, notice: refused }) {
  const edit = open.get(answered ?? 0);
  ended(answered ?? 0);
  open.delete(answered ?? 0);
  if (refused && edit) put(edit.key, edit.name, edit.oldValue);
  // What is said of one edit stays when another, which was taken back, is answered.
  if (refused || !edit?.undoing) notice(refused);
  if (edit && !refused && !edit.undoing) {
    const words = `Changed the ${WORDS[edit.name]} of ${nameOf(edit)}.`;
    offerUndo({ words, undo: () => takeBack(edit), settle: null });
  }
  lookNow();
}
