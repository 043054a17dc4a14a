import assert from "node:assert/strict";
import test from "node:test";
import { queryOf } from "../../reactcnn_dash/assets/base/links.mjs";
import {
  choiceField,
  numberField,
  readView,
  textField,
  unreadable,
  wholeField,
  writeView,
} from "../../reactcnn_dash/assets/base/view.mjs";

const SCHEMA = {
  run: numberField(null),
  page: wholeField(1),
  layer: textField(null),
  mode: choiceField(["gap", "deviation"]),
};
const USUAL = { run: null, page: 1, layer: null, mode: "gap" };

test("an empty address is the usual view, which writes an empty one", () => {
  assert.deepEqual(readView(SCHEMA, ""), USUAL);
  assert.equal(writeView(SCHEMA, USUAL), "");
});

test("what a view writes it reads again", () => {
  const view = { run: 0, page: 12, layer: "conv 1&2=ä", mode: "deviation" };
  assert.deepEqual(readView(SCHEMA, writeView(SCHEMA, view)), view);
});

test("what nobody can mean counts as usual", () => {
  assert.deepEqual(readView(SCHEMA, "?run=abc&page=-1&layer=&mode=red&other=1"), USUAL);
  assert.equal(readView(SCHEMA, "?run=").run, null);
  assert.equal(readView(SCHEMA, "?page=1.5").page, 1);
  assert.equal(readView(SCHEMA, "?run=0.35").run, 0.35);
});

test("a query leaves out what is null", () => {
  assert.equal(queryOf({ a: 0, b: null, c: undefined, d: "x y", e: "" }), "a=0&d=x+y&e=");
});

test("what an address asks for in vain is named as it stands there", () => {
  assert.deepEqual(unreadable(SCHEMA, "?run=abc&page=-1&mode=red&layer=conv1&other=1"), [
    "run=abc",
    "page=-1",
    "mode=red",
  ]);
  assert.deepEqual(unreadable(SCHEMA, "?run=0&page=1&mode=gap&layer="), []);
});
