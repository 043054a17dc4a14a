/* Receptive fields as parts of an image. */
import assert from "node:assert/strict";
import test from "node:test";
import { partOf, strongest } from "../../reactcnn_dash/assets/base/fields.mjs";

test("a cell sees its interval, inside the image", () => {
  const field = [
    [6, 2, -1],
    [5, 4, 0],
  ];
  assert.deepEqual(partOf(field, [0, 0], [10, 20]), { top: 0, bottom: 0.5, left: 0, right: 0.25 });
  assert.deepEqual(partOf(field, [3, 4], [10, 20]), { top: 0.5, bottom: 1, left: 0.8, right: 1 });
});

test("what sees all, and what is not known", () => {
  assert.deepEqual(partOf("whole", [1, 1], [10, 20]), { top: 0, left: 0, bottom: 1, right: 1 });
  assert.equal(partOf(null, [1, 1], [10, 20]), null);
});

test("the strongest place is the first of the largest", () => {
  assert.deepEqual(strongest({ codes: Uint8Array.of(1, 5, 2, 0, 5, 3), width: 3 }), [0, 1]);
});
