import assert from "node:assert/strict";
import test from "node:test";
import {
  codeOf,
  differenceCode,
  rangesOf,
  wholeRange,
} from "../../reactcnn_dash/assets/compare/gap-codes.mjs";
import { labelOf, shownClasses } from "../../reactcnn_dash/assets/compare/pair-classes.mjs";
import { colourTable, gapOf, networkRange } from "../../reactcnn_dash/assets/live/gap-scale.mjs";

test("on its own scale a layer's codes are its colours", () => {
  assert.deepEqual(
    [...colourTable([-1, 3], [-1, 3])],
    Array.from({ length: 256 }, (_, i) => i),
  );
});

test("on the network's scale a code goes by the value that it stands for", () => {
  const own = [0, 1];
  const table = colourTable(own, [-1, 9]);
  for (const code of [0, 1, 100, 254]) {
    assert.equal(table[code], Math.round(254 * Math.sqrt((gapOf(code, own) + 1) / 10)));
  }
  assert.equal(table[255], 255);
  assert.deepEqual(networkRange({ low: [0, -2], high: [1, 0.5] }), [-2, 1]);
});

test("a scale without a span has one colour", () => {
  assert.deepEqual(new Set(colourTable([0, 0], [0, 0]).subarray(0, 255)), new Set([0]));
});

test("both runs share the scale of a layer, which has nought in it", () => {
  const ranges = rangesOf({ low: [1, null], high: [2, null] }, { low: [-1, 3], high: [1, 4] });
  assert.deepEqual(ranges, [
    [-1, 2],
    [0, 4],
  ]);
  assert.deepEqual(wholeRange(ranges), [-1, 4]);
});

test("codes grow with the root of the value, differences to both sides of 127", () => {
  assert.deepEqual(
    [0, 1, 4, -1, 5, Number.NaN].map((one) => codeOf(one, [0, 4])),
    [0, 127, 254, 0, 254, 255],
  );
  assert.deepEqual(
    [0, 1, -1, 4, -9, Number.POSITIVE_INFINITY].map((one) => differenceCode(one, [0, 4])),
    [127, 191, 64, 254, 0, 255],
  );
  assert.equal(differenceCode(1, [2, 2]), 127);
});

test("of many classes the likeliest in either run are shown, and always the true one", () => {
  const run = (likely, label) => ({
    label,
    probabilities: Array.from({ length: 20 }, (_, i) => (i === likely ? 0.5 : i / 100)),
  });
  const shown = shownClasses({ a: run(1, null), b: run(2, 0) });
  assert.equal(shown.length, 10);
  assert.deepEqual(shown.slice(0, 2).sort(), [1, 2]);
  assert.equal(shown[9], 0);
  assert.equal(labelOf({ a: { label: null }, b: { label: 3 } }), 3);
});
