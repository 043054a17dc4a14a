import assert from "node:assert/strict";
import test from "node:test";
import { layOut, placeOfMap } from "../../reactcnn_dash/assets/base/geometry.mjs";

const VGG = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512].map((filters) => ({ filters }));
const bottom = (block) => block.y + block.height;

for (const [width, height] of [
  [900, 560],
  [600, 400],
  [1600, 900],
  [300, 250],
]) {
  test(`VGG-16 in ${width} × ${height}: room for every filter, no overlap, one axis`, () => {
    const { blocks, pitch, label, gap, nameSpace, ...size } = layOut(VGG, width, height);
    blocks.forEach((block, i) => {
      assert.ok(block.columns * block.rows >= VGG[i].filters);
      assert.ok(block.columns * (block.rows - 1) < VGG[i].filters);
      assert.equal(block.width, block.columns * pitch);
      assert.ok(block.x >= 0 && block.x + block.width <= size.width);
      assert.ok(block.y >= label && bottom(block) <= size.height);
      assert.equal(block.y + block.height / 2, blocks[0].y + blocks[0].height / 2);
      if (i) assert.ok(blocks[i - 1].x + blocks[i - 1].width + nameSpace <= block.x);
    });
    assert.ok(size.width >= width && gap >= 10);
  });
}

test("a network that fits is as large as it may be; a deep one is scrolled at a readable size", () => {
  assert.equal(layOut([{ filters: 8 }, { filters: 16 }], 900, 500).pitch, 16);
  const deep = layOut(
    Array.from({ length: 60 }, () => ({ filters: 64 })),
    900,
    500,
  );
  assert.ok(deep.width > 900);
  assert.equal(deep.pitch, 8);
});

test("a map stands above its block, inside the canvas, where it covers least", () => {
  const geometry = layOut(VGG, 1000, 600);
  VGG.forEach((_, layer) => {
    const { left, top } = placeOfMap(geometry, layer);
    assert.ok(left >= 4 && left + geometry.map <= geometry.width - 4);
    assert.ok(top + geometry.map < geometry.blocks[layer].y - geometry.label);
  });
  const block = { y: 300, width: 40, height: 100, columns: 8, rows: 16 };
  const tall = { ...block, y: 100, height: 500, rows: 80, columns: 8 };
  const blocks = [
    { ...block, x: 400 },
    { ...tall, x: 450 },
  ];
  // Flush with the right side of its block it covers nothing of the tall one beside.
  assert.equal(placeOfMap({ blocks, map: 100, label: 40, width: 1000 }, 0).left, 340);
});

test("without a strip for maps the grid begins higher", () => {
  assert.ok(layOut(VGG, 900, 560, true).blocks[0].y < layOut(VGG, 900, 560).blocks[0].y);
});
