/* Filters that are switched off, in the address. */
import assert from "node:assert/strict";
import test from "node:test";
import { countOff, offText, parseOff, toggled } from "../../reactcnn_dash/assets/live/what-if-text.mjs";

const LAYERS = [{ filters: 4 }, { filters: 8 }, { filters: 2 }];

test("text and filters are each other's inverse", () => {
  const off = parseOff("1:3,7;0:2", LAYERS);
  assert.deepEqual(
    [...off],
    [
      [0, [2]],
      [1, [3, 7]],
    ],
  );
  assert.equal(offText(off), "0:2;1:3,7");
  assert.equal(countOff(off), 3);
});

test("what the network has not, or cannot be read, is left out", () => {
  for (const text of [null, "", "9:1", "0:4", "x", "0:", ":1", "0:-1", "0:1.5"]) {
    assert.equal(offText(parseOff(text, LAYERS)), null, String(text));
  }
  assert.equal(offText(parseOff("0:1,9;7:2;0:1,3", LAYERS)), "0:1,3");
});

test("filters are switched off, and all of them on again", () => {
  const one = toggled(new Map(), 1, [5]);
  const three = toggled(one, 1, [5, 6, 2]);
  assert.equal(offText(three), "1:2,5,6");
  assert.equal(offText(toggled(three, 1, [5, 6])), "1:2");
  assert.equal(offText(toggled(one, 1, [5])), null);
  assert.equal(offText(one), "1:5");
});
