import assert from "node:assert/strict";
import test from "node:test";
import { layOut } from "../../reactcnn_dash/assets/base/geometry.mjs";
import { branches, drawingOf, pathOf } from "../../reactcnn_dash/assets/base/wiring.mjs";

const RESIDUAL = {
  taps: [[], [0], [1], [-1], [3]],
  merges: [
    { kind: "Add", of: [0, 2] },
    { kind: "Add", of: [-1, 4] },
  ],
  costs: [],
};
const layers = Array.from({ length: 5 }, () => ({ filters: 64 }));

test("a chain has no branches, whatever a merge or a second start makes has", () => {
  assert.equal(branches(null), false);
  assert.equal(branches({ taps: [[], [0], [1]], merges: [], costs: [] }), false);
  assert.equal(branches({ taps: [[], []], merges: [], costs: [] }), true);
  assert.equal(branches({ taps: [[], [0], [0]], merges: [], costs: [] }), true);
  assert.equal(branches(RESIDUAL), true);
});

test("a merge stands behind the last layer that comes to it, and skips are arcs below", () => {
  const geometry = layOut(layers, 900, 500, false, { band: 40 });
  const { blocks } = geometry;
  const drawing = drawingOf(geometry, RESIDUAL);
  assert.equal(drawing.merges.length, 2);
  assert.ok(drawing.merges[0].x > blocks[2].x + blocks[2].width && drawing.merges[0].x < blocks[3].x);
  assert.ok(drawing.merges[1].x > blocks[4].x + blocks[4].width);
  assert.deepEqual(
    drawing.merges.map(({ sign }) => sign),
    ["+", "+"],
  );
  const skips = drawing.arcs.filter(({ depth }) => depth > 0);
  assert.deepEqual(
    skips.map(({ from, to }) => [from, to]),
    [
      [drawing.layers[0], drawing.merges[0].x],
      [drawing.merges[0].x, drawing.merges[1].x],
    ],
  );
  assert.equal(drawing.arcs.length, 8);
  assert.match(pathOf(skips[0], 9), /^M.*C.*H.*C/);
  assert.match(pathOf({ from: 1, to: 4, depth: 0 }, 9), /^M1 9H4$/);
  assert.equal(geometry.foot + 10 + 40, geometry.height);
});

test("zooming makes cells larger and smaller, and never overlap", () => {
  const natural = layOut(layers, 900, 500);
  for (const zoom of [0.3, 0.8, 1.25, 3]) {
    const { blocks, pitch } = layOut(layers, 900, 500, false, { zoom });
    assert.equal(Math.sign(pitch - natural.pitch), Math.sign(zoom - 1));
    blocks.slice(1).forEach((block, i) => {
      assert.ok(blocks[i].x + blocks[i].width < block.x);
    });
  }
});
