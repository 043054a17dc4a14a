import assert from "node:assert/strict";
import test from "node:test";
import { bothWays, colours, diverging, ramp, rgb } from "../../reactcnn_dash/assets/base/colours.mjs";

/** The page is in this scheme from now on. */
function inScheme(name) {
  globalThis.document = { documentElement: { getAttribute: () => name } };
}

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

test("what is not finite is the scheme's amber, as a triple and as CSS, on every scale", () => {
  for (const [scheme, css, bytes] of [
    ["light", "#f0a000", [240, 160, 0]],
    ["dark", "#ffb52e", [255, 181, 46]],
  ]) {
    inScheme(scheme);
    for (const scale of [colours(), bothWays(), diverging()]) {
      assert.equal(scale.css[255], css);
      assert.deepEqual([...rgb(scale, 255)], bytes);
      assert.equal(scale.css.length, 256);
    }
  }
});
