import assert from "node:assert/strict";
import test from "node:test";
import {
  CHARTS,
  calledOf,
  chartsOf,
  domainOf,
  epochOf,
  isBlank,
  knownPairs,
  linesOf,
  nothingRight,
  pairAt,
  placesOf,
  shownValue,
  tickText,
} from "../../reactcnn_dash/assets/compare/epochs.mjs";

const chart = (name) => CHARTS.find((one) => one.name === name);
const run = (id, epoch = null) => ({ id, name: `run ${id}`, epoch });
const point = (a, b, more) => ({
  a,
  b,
  layers: ["x", "y"],
  images: 10,
  changed: 4,
  accuracy: [0.1, 0.2],
  confidence: [0.3, null],
  cka: [0.5, null],
  deadA: [1, 2],
  deadB: [3, 4],
  ...more,
});
const said = {
  against: "last",
  runs: [run(1, 1), run(2, 2), run(3, 10)],
  pairs: [point(1, 3), { a: 2, b: 3, message: "no" }],
};

test("epochs stand at their numbers, or evenly without", () => {
  assert.deepEqual(placesOf(said.runs), [0, 1 / 9, 1]);
  assert.deepEqual(placesOf([run(1), run(2), run(3)]), [0, 0.5, 1]);
  assert.deepEqual(placesOf([run(1, 4), run(2), run(3, 5)]), [0, 0.5, 1]);
  assert.deepEqual(placesOf([run(1, 4)]), [0]);
  const epochs = [run(7, 0), run(7), { ...run(8), name: "vgg · final" }];
  const named = { name: "vgg" };
  assert.deepEqual(
    epochs.map((one) => epochOf(named, one)),
    [0, "run 7", "final"],
  );
  assert.deepEqual(
    epochs.map((one) => calledOf(named, one)),
    ["Epoch 0", "run 7", "final"],
  );
});

test("a figure of a pair stands at the epoch that is compared", () => {
  assert.deepEqual(
    [...linesOf(said, chart("Linear CKA"))],
    [
      ["x", [0.5, null, null]],
      ["y", [null, null, null]],
    ],
  );
  assert.deepEqual([...linesOf(said, chart("Changed predictions"))], [["", [0.4, null, null]]]);
  const first = { ...said, against: "first" };
  assert.deepEqual([...linesOf(first, chart("Changed predictions"))], [["", [null, null, 0.4]]]);
});

test("a figure of the runs stands at both", () => {
  assert.deepEqual([...linesOf(said, chart("Accuracy"))], [["", [0.1, null, 0.2]]]);
  assert.deepEqual([...linesOf(said, chart("Mean confidence"))], [["", [0.3, null, null]]]);
  assert.deepEqual(
    [...linesOf(said, chart("Dead filters"))],
    [
      ["x", [1, null, 3]],
      ["y", [2, null, 4]],
    ],
  );
  assert.equal(linesOf({ ...said, pairs: [point(1, 3, { accuracy: null })] }, chart("Accuracy")).size, 0);
  assert.equal(knownPairs(said).length, 1);
});

test("a click on an epoch opens its pair; the last opens one that it is in", () => {
  assert.deepEqual(
    [0, 1, 2].map((i) => pairAt(said, i).a),
    [1, 2, 1],
  );
});

test("axes go as far as a figure goes by its nature, and never to nothing", () => {
  const lines = (...values) => new Map([["", values]]);
  assert.deepEqual(domainOf(chart("Linear CKA"), lines(0.4, null)), [0, 1]);
  assert.deepEqual(domainOf(chart("Clusters: ARI"), lines(-0.1, 0.5)), [-0.1, 1]);
  assert.deepEqual(domainOf(chart("Mean confidence"), lines(0.5, 0.5)), [0.45, 0.55]);
  assert.deepEqual(domainOf(chart("Dead filters"), lines(0, 0)), [0, 1]);
  assert.deepEqual(domainOf(chart("Accuracy"), lines(null)), [0, 1]);
});

test("ticks have the digits that tell them apart", () => {
  assert.equal(tickText(chart("Accuracy"), 0.123, 0.5), "12 %");
  assert.equal(tickText(chart("Accuracy"), 0.123, 0.05), "12.3 %");
  assert.equal(tickText(chart("Dead filters"), 1.5, 3), "");
  assert.equal(tickText(chart("Dead filters"), 1234.5, 3000), "1,235");
  assert.equal(tickText(chart("Linear CKA"), 0.98765, 0.01), "0.988");
  assert.deepEqual(
    [null, 0.5, 3].map((one) => shownValue(chart("Linear CKA"), one)),
    ["–", "0.500", "3"],
  );
});

test("networks of values have their mean absolute error in the place of accuracy", () => {
  const nothing = { accuracy: null, confidence: [null, null], changed: null };
  const pair = point(1, 2, { ...nothing, errors: [0.5, 0.25], answers: ["values", "values"] });
  const values = { against: "previous", runs: [run(1, 1), run(2, 2)], pairs: [pair] };
  const [first, ...rest] = chartsOf(values);
  assert.equal(first.name, "Mean absolute error");
  assert.deepEqual([...linesOf(values, first)], [["", [0.5, 0.25]]]);
  assert.deepEqual(rest, CHARTS.slice(1));
  for (const one of rest.slice(0, 2)) {
    assert.ok(isBlank(linesOf(values, one)));
    assert.equal(one.without(pair), "not both runs name a class");
  }
  assert.deepEqual(chartsOf(said), CHARTS);
});

test("why nothing tells how right two runs are", () => {
  assert.equal(nothingRight("classes", "classes"), "no image has a label in both");
  assert.equal(nothingRight("values", "values"), "no image has a target in both");
  assert.equal(nothingRight("none", "none"), "the answers are not stored");
  assert.equal(nothingRight("none", "values"), "the runs answer with different things");
});
