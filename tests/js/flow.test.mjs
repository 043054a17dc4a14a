import assert from "node:assert/strict";
import test from "node:test";
import { belongs, filtersOf, flowOf, groupsOf } from "../../reactcnn_dash/assets/compare/flow-layout.mjs";
import { leastAlike } from "../../reactcnn_dash/assets/compare/head.mjs";
import { order } from "../../reactcnn_dash/assets/redundancy/order.mjs";

const flow = flowOf({ a: [10, 10, 2, 2, 5, -1], b: [0, 1, 0, 0, 1, 7] });

test("filters are in a cluster, alone, or never vary", () => {
  assert.deepEqual(groupsOf([3, 3, 0, -1, 9]), ["3", "3", "single", "constant", "single"]);
});

test("nodes stand by their number, the single ones and the constant ones last", () => {
  assert.deepEqual(flow.nodes.a, [
    ["2", [2, 3]],
    ["10", [0, 1]],
    ["single", [4]],
    ["constant", [5]],
  ]);
  assert.deepEqual(flow.nodes.b, [
    ["0", [0, 2, 3]],
    ["1", [1, 4]],
    ["single", [5]],
  ]);
});

test("bands have every filter once, in the order of the nodes at both ends", () => {
  assert.deepEqual(
    [...flow.bands],
    [
      ["2>0", [2, 3]],
      ["10>0", [0]],
      ["10>1", [1]],
      ["single>1", [4]],
      ["constant>single", [5]],
    ],
  );
});

test("what is selected names filters", () => {
  assert.deepEqual(filtersOf(flow, "a:10"), [0, 1]);
  assert.deepEqual(filtersOf(flow, "b:0"), [0, 2, 3]);
  assert.deepEqual(filtersOf(flow, "a:10>b:1"), [1]);
  assert.deepEqual(filtersOf(flow, "b:single"), [5]);
  assert.equal(filtersOf(flow, "a:10>b:7"), null);
  assert.equal(filtersOf(flow, "nonsense"), null);
  assert.equal(filtersOf(flow, null), null);
});

test("a band belongs to the clusters at its ends", () => {
  assert.ok(belongs("a:10>b:1", "a:10") && belongs("a:10>b:1", "b:1") && belongs("a:3", "a:3"));
  assert.ok(!belongs("a:1>b:10", "b:1") && !belongs("a:10>b:1", "a:1"));
});

test("the layer that is least alike is the one of the lowest CKA that is known", () => {
  assert.equal(leastAlike([{ cka: null }, { cka: 0.9 }, { cka: 0.2, name: "x" }, { cka: 0.3 }]).name, "x");
  assert.equal(leastAlike([{ cka: null }]), null);
});

test("the filter to keep comes first, then those whose maps agree least; at most 24", () => {
  assert.deepEqual(order({ filters: [4, 7, 9, 2], keep: 9, spatial: [0.9, null, 1, 0.1] }), [9, 7, 2, 4]);
  const many = Array.from({ length: 40 }, (_, i) => i);
  assert.equal(order({ filters: many, keep: 0, spatial: many.map(() => 1) }).length, 24);
});
