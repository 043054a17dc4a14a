import assert from "node:assert/strict";
import test from "node:test";
import { fileName, sentName } from "../../reactcnn_dash/assets/base/files.mjs";
import { levelOf, ranked, strangenessText, verdict } from "../../reactcnn_dash/assets/live/oddness.mjs";
import { images, prepare, tags, writable } from "../../reactcnn_dash/assets/runs/rows.mjs";
import { filterModel, sortState, sortText } from "../../reactcnn_dash/assets/runs/sorting.mjs";

test("a file's name keeps letters of every script and nothing that a system refuses", () => {
  assert.equal(fileName("épreuve 1: a/b?c=d"), "épreuve-1-a-b-c-d");
  assert.equal(fileName("../..hidden."), "hidden");
});

test("a file has the name that the server gives, encoded or plain", () => {
  assert.equal(sentName("attachment; filename=\"a.npz\"; filename*=UTF-8''%C3%A4.npz", "x"), "ä.npz");
  assert.equal(sentName('attachment; filename="run 1.npz"', "x"), "run 1.npz");
  assert.equal(sentName(null, "x"), "x");
});

test("an image is odd above its threshold; without one it says how many images it takes", () => {
  assert.deepEqual(verdict({ score: 3, threshold: 2 }, 0.01), [
    "Odd: 3.00. ",
    "Usual images stay below 2.00 in 99 % of cases.",
    true,
  ]);
  assert.deepEqual(verdict({ score: -1, threshold: 2 }, 0.05)[0], "Usual: −1.00. ");
  assert.match(verdict({ score: 1, threshold: null }, 0.001)[1], /takes about 2,000\.$/);
  assert.equal(verdict({ score: null, threshold: 1 }, 0.01)[2], true);
});

test("layers are ranked from the strangest; equal tails by strangeness, then by place", () => {
  const layers = [
    [0.5, 1],
    [0.001, 2],
    [0.001, null],
    [0.5, 1],
  ].map(([tail, strangeness]) => ({ name: "", tail, strangeness }));
  assert.deepEqual(
    ranked(layers).map((one) => one.index),
    [2, 1, 0, 3],
  );
  assert.deepEqual(
    [0.001, 0.01, 0.04, 0.2].map((tail) => levelOf({ tail })),
    [3, 2, 1, 0],
  );
  assert.deepEqual(
    [null, 1.24, -0.3].map((strangeness) => strangenessText({ strangeness })),
    ["∞", "1.2", "−0.3"],
  );
});

const ROW = {
  id: 3,
  model: "m",
  sha256: "0123456789",
  checkpoint: "c.keras",
  accuracy: 0.5,
  state: "finished",
  started: "2026-01-02T03:04:05+00:00",
  seconds: 90,
  bytes: 2e6,
  tags: ["a", "b"],
  stored: 1000,
  total: 2000,
};

test("a run's row has values to sort by beside what is shown", () => {
  const row = prepare(ROW, new Set());
  assert.equal(row.checkpointText, "m · 0123456 · c.keras");
  assert.deepEqual(
    [row.percent, row.minutes, row.megabytes, row.tagText, row.key],
    [50, 1.5, 2, "a, b", "3"],
  );
  assert.equal(row.startedAt.getTime(), Date.UTC(2026, 0, 2, 3, 4, 5));
  assert.equal(prepare({ ...ROW, accuracy: null }, new Set()).percent, null);
});

test("a run that waits for its deletion is on its way out", () => {
  const half = { ...ROW, state: "half deleted" };
  assert.equal(prepare(half, new Set([3])).stateText, "deleting");
  assert.equal(prepare(half, new Set([4])).stateText, "half deleted");
  assert.deepEqual([half, { state: "deleting" }, ROW].map(writable), [false, false, true]);
  assert.equal(images(half), "1,000");
  assert.equal(images(ROW), "1,000 of 2,000");
  assert.equal(images({ ...ROW, total: 1000 }), "1,000");
});

test("tags stand between commas; sorting and filters are read from the link", () => {
  assert.deepEqual(tags(" a, ,b b ,"), ["a", "b b"]);
  assert.deepEqual(tags(null), []);
  const columns = sortState("percent:desc,name:asc");
  assert.deepEqual(columns[1], { colId: "name", sort: "asc", sortIndex: 1 });
  assert.equal(
    sortText([...columns].reverse().concat({ colId: "x", sort: null, sortIndex: 0 })),
    "percent:desc,name:asc",
  );
  assert.deepEqual(filterModel('{"name":{"filter":"a"}}'), { name: { filter: "a" } });
  assert.equal(filterModel("{"), null);
  assert.equal(filterModel(""), null);
});
