import assert from "node:assert/strict";
import test from "node:test";
import {
  answerTable,
  codeOf,
  colourTable,
  differenceCode,
  endsOf,
  gapOf,
  mapTable,
  rangesOf,
  wholeRange,
} from "../../reactcnn_dash/assets/base/scales.mjs";
import { labelOf, shownClasses } from "../../reactcnn_dash/assets/compare/pair-classes.mjs";

test("on its own scale a layer's codes are its colours", () => {
  for (const range of [
    [0, 3],
    [-1, 3],
    [-4, 0],
  ]) {
    assert.deepEqual(
      [...colourTable(range, range)],
      Array.from({ length: 256 }, (_, i) => i),
    );
  }
});

test("on the network's scale a code goes by the value that it stands for", () => {
  const own = [0, 1];
  const table = colourTable(own, [-1, 9]);
  for (const code of [0, 1, 100, 254]) {
    assert.equal(table[code], 127 + Math.round(127 * Math.sqrt(gapOf(code, own) / 9)));
  }
  assert.equal(table[255], 255);
  assert.equal(colourTable([0, 1], [0, 4])[254], 127);
});

test("where values go both ways nought is in the middle and the larger side reaches its end", () => {
  const range = [-8.66, 9.21];
  const codes = [-9.21, -8.66, -1.51, 0, 9.21].map((one) => codeOf(one, range));
  assert.deepEqual(codes, [0, 127 - Math.round(127 * Math.sqrt(8.66 / 9.21)), 76, 127, 254]);
  assert.ok(Math.abs(gapOf(76, range) + 1.51) < 0.1);
  assert.deepEqual(
    [endsOf(range), endsOf([0, 3]), endsOf([-3, 0])],
    [
      [-9.21, 9.21],
      [0, 3],
      [-3, 3],
    ],
  );
});

test("a map of a layer that goes below nought has its nought in the middle, others are as they were", () => {
  const signed = mapTable({ low: -3.37, step: (3.37 + 0.011) / 255, signed: true });
  assert.equal(signed[0], 0);
  assert.equal(signed[254], 127);
  assert.deepEqual(
    [...mapTable({ low: 2, step: 1, signed: false })].slice(250),
    [250, 251, 252, 253, 254, 254],
  );
  assert.equal(mapTable({ low: 0, step: 0, signed: true })[0], 127);
  const positive = mapTable({ low: 1, step: 1 / 255, signed: true });
  assert.deepEqual([positive[0], positive[255]], [191, 254]);
});

test("the light lies where a filter answers, not where it is near nought", () => {
  const negative = answerTable({ low: -3.37, step: (3.37 + 0.011) / 255 });
  assert.equal(negative[0], 1);
  assert.ok(negative[254] < 0.01);
  const positive = answerTable({ low: 0, step: 0.1 });
  assert.deepEqual([positive[0], positive[51], positive[255]], [0, 0.2, 1]);
  assert.equal(answerTable({ low: -2, step: 0 })[0], 1);
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

test("a layer is on the scale of its run and nought", () => {
  assert.deepEqual(rangesOf({ low: [0, -2], high: [1, 0.5] }), [
    [0, 1],
    [-2, 0.5],
  ]);
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
