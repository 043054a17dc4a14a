import assert from "node:assert/strict";
import test from "node:test";
import {
  axes,
  axis,
  bandPath,
  endsOf,
  linePath,
  thirds,
  uncrowded,
} from "../../reactcnn_dash/assets/base/chart.mjs";

test("an axis takes its ends to its ends, forwards or backwards", () => {
  const x = axis([2, 4], [100, 0]);
  assert.deepEqual([2, 3, 4].map(x), [100, 50, 0]);
});

test("the axes of a chart leave its room around it free", () => {
  const room = { width: 200, height: 100, pad: { left: 30, right: 10, top: 5, bottom: 15 }, inset: 8 };
  const { x, y } = axes(room, [0, 1], [-1, 1]);
  assert.deepEqual([x(0), x(1)], [38, 182]);
  assert.deepEqual([y(-1), y(1), y(0)], [85, 5, 45]);
});

test("values that are all the same have room around them", () => {
  assert.deepEqual(endsOf([3, null, 3]), [2.5, 3.5]);
  assert.deepEqual(endsOf([null]), [-0.5, 0.5]);
  assert.deepEqual(endsOf([3, 1, null, 2]), [1, 3]);
  assert.deepEqual(thirds([1, 3]), [1, 2, 3]);
});

test("labels do not touch, and the last is always there", () => {
  assert.deepEqual(uncrowded([0, 10, 20, 30, 40], 20), [0, 2, 4]);
  assert.deepEqual(uncrowded([0, 10, 35, 40], 20), [0, 3]);
  assert.deepEqual(uncrowded([5], 20), [0]);
  assert.deepEqual(uncrowded([], 20), []);
});

test("a line leaves out what is not known, or is interrupted by it", () => {
  assert.equal(linePath([0, 1, 2], [5, null, 7]), "M0.0,5.0L2.0,7.0");
  assert.equal(linePath([0, 1, 2], [5, null, 7], true), "M0.0,5.0M2.0,7.0");
  assert.equal(linePath([0, 1], [null, null]), "");
  assert.equal(bandPath([0, 1], [1, 2], [3, 4]), "M0.0,1.0L1.0,2.0L1.0,4.0L0.0,3.0Z");
});
