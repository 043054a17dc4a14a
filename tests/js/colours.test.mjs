import assert from "node:assert/strict";
import test from "node:test";
import { ramp, rgb } from "../../reactcnn_dash/assets/base/colours.mjs";

const at = (bytes, code) => [...rgb({ bytes }, code)];

test("a ramp goes through its stops at even places, each channel on its own", () => {
  const bytes = ramp(["#000000", "#ff0080", "#00ff00"]);
  assert.equal(bytes.length, 3 * 255);
  assert.deepEqual(at(bytes, 0), [0, 0, 0]);
  assert.deepEqual(at(bytes, 127), [255, 0, 128]);
  assert.deepEqual(at(bytes, 254), [0, 255, 0]);
  assert.deepEqual(
    at(bytes, 64),
    [64, 64, 64].map((_, i) => Math.round((64 / 127) * [255, 0, 128][i])),
  );
});
