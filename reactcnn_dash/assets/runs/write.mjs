/* Names, tags and notes: what a person wrote goes to the server, which has the last word. */
import { setProps } from "../base/dash.mjs";
import { notice } from "../base/notice.mjs";
import * as ids from "../generated/ids.mjs";
import { lookNow } from "./poll.mjs";
import { tags } from "./rows.mjs";
import { nodeOf } from "./table.mjs";

/** @import { RunEdit, RunEdited } from "../generated/runs.d.ts" */
/** @import { Row } from "./rows.mjs" */

let number = 0;
/** Edits that the server has not answered. @type {Map<number, { key: string, name: string, oldValue: string }>} */
const open = new Map();

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
  if (text === oldValue) return;
  number += 1;
  open.set(number, { key: data.key, name, oldValue });
  setProps(ids.RUNS_EDIT, { data: { id: data.id, number, ...COLUMNS[name].edit(text) } });
}

/** The server's answer to an edit. @param {RunEdited} answer */
export function editAnswered({ number: answered, notice: refused }) {
  const edit = open.get(answered ?? 0);
  open.delete(answered ?? 0);
  if (refused && edit) put(edit.key, edit.name, edit.oldValue);
  notice(refused);
  lookNow();
}
