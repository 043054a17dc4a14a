import assert from "node:assert/strict";
import test from "node:test";
import {
  decodeBytes,
  decodeLayer,
  decodeThumbnails,
  lightOf,
  mapOf,
} from "../../reactcnn_dash/assets/base/pixels.mjs";

test("thumbnails come with holes where an image is missing", () => {
  const body = new Uint8Array([
    ...new Uint8Array(Uint16Array.of(1, 2, 3).buffer),
    1,
    0,
    1,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
  ]);
  const found = decodeThumbnails(body.buffer, [4, 9, 2]);
  assert.deepEqual([...found.keys()], [4, 9, 2]);
  assert.deepEqual([...found.get(4).pixels], [1, 2, 3, 4, 5, 6]);
  assert.equal(found.get(9).pixels, null);
  assert.deepEqual([...found.get(2).pixels], [7, 8, 9, 10, 11, 12]);
  assert.deepEqual(found.get(2).shape, [1, 2, 3]);
});

test("a layer's body has GAP, and maps where they are stored", () => {
  const gap = Float32Array.of(0.5, 2);
  assert.deepEqual(decodeLayer(gap.buffer, 2), { gap, maps: null });
  const codes = Uint8Array.from({ length: 12 }, (_, i) => i);
  const floats = Float32Array.of(0.5, 2, -1, 0, 0.1, 0.2);
  const body = new Uint8Array([...new Uint8Array(floats.buffer), ...codes]);
  const { maps } = decodeLayer(body.buffer, 2);
  assert.deepEqual([...maps.low], [-1, 0]);
  assert.deepEqual(maps.step, Float32Array.of(0.1, 0.2));
  const map = mapOf(maps, 1, { height: 2, width: 3 });
  assert.deepEqual([...map.codes], [6, 7, 8, 9, 10, 11]);
  assert.deepEqual([map.low, map.step], [0, Math.fround(0.2)]);
  // Its layer's other filter goes below nought.
  assert.equal(map.signed, true);
});

test("light stays where a map is 255, and goes by the strength elsewhere", () => {
  const keep = lightOf(
    { codes: Uint8Array.of(0, 255, 51, 255), height: 2, width: 2, low: 0, step: 0.1, signed: false },
    [4, 4, 3],
    0.8,
  );
  assert.equal(keep(2, 1), 1);
  assert.ok(Math.abs(keep(1, 1) - 0.2) < 1e-12);
  assert.ok(Math.abs(keep(0, 3) - (1 - 0.8 * 0.8)) < 1e-12);
});

test("base64 is bytes, beyond ASCII too", () => {
  assert.deepEqual([...decodeBytes(Buffer.from([0, 127, 128, 255]).toString("base64"))], [0, 127, 128, 255]);
});
