import assert from "node:assert/strict";
import test from "node:test";
import * as format from "../../reactcnn_dash/assets/base/format.mjs";

test("GAP values have three digits, or two below one", () => {
  const said = [0, 1, 12.345, 0.12345, -0.5, 999.6, 1234, 0.0001, Number.NaN].map(format.number);
  assert.deepEqual(said, ["0", "1.00", "12.3", "0.12", "-0.50", "1.00e+3", "1.2e+3", "1.0e-4", "NaN"]);
  assert.equal(format.numberOrDash(null), "–");
});

test("figures have a true minus, and nought has none", () => {
  assert.deepEqual(
    [0.1234, -0.5, null, undefined].map((one) => format.figure(one)),
    ["0.123", "−0.500", "–", "–"],
  );
  assert.equal(format.figure(-0.001, 2), "0.00");
  assert.equal(format.figure(-0.4, 0), "0");
  assert.equal(format.interval([-0.304, 0.32]), "−0.30 to 0.32");
});

test("signed numbers say their sign, but for nought", () => {
  assert.deepEqual(
    [3.14, -0.44, 0.04, -0.04].map((value) => format.signed(value)),
    ["+3.1", "−0.4", "0.0", "0.0"],
  );
});

test("shares have the digits that they take", () => {
  assert.deepEqual([0.123, 0.004, 0.0007, 1].map(format.share), ["12 %", "0.4 %", "0.07 %", "100 %"]);
  assert.equal(format.percent(null), "–");
  assert.equal(format.percent(0.12345, 1), "12.3 %");
});

test("a probability is never rounded to certain while it is not, and NaN is said", () => {
  const said = [1, 0.9994, 0.9996, 0.5, 0.0004, 0, -1, null].map(format.probability);
  assert.deepEqual(said, ["100 %", "99.9 %", "100 %", "50.0 %", "0 %", "0 %", "NaN", "NaN"]);
});

test("things are counted with their plural", () => {
  assert.equal(format.plural(1, "filter"), "1 filter");
  assert.equal(format.plural(1200, "filter"), "1,200 filters");
  assert.equal(format.plural(2, "address", "addresses"), "2 addresses");
  assert.equal(format.className(["cat"], 0), "cat");
  assert.equal(format.className(["cat"], 7), "class 7");
});

test("so many decimals as are asked for, and the same for nought", () => {
  const values = [-0.8, 0.004, -0.004, 12.345];
  assert.deepEqual(
    values.map((value) => format.signed(value, 2)),
    ["−0.80", "0.00", "0.00", "+12.35"],
  );
});

test("large numbers are in millions or billions, smaller ones to the last digit", () => {
  const numbers = [0, 640_000, 999_999, 1e6, 12_345_678, 313_400_000, 999_499_999];
  assert.deepEqual([...numbers, 999_500_000, 1_852_000_000, 1.5e12].map(format.large), [
    "0",
    "640,000",
    "999,999",
    "1.00 million",
    "12.3 million",
    "313 million",
    "999 million",
    "1.00 billion",
    "1.85 billion",
    "1,500 billion",
  ]);
});
