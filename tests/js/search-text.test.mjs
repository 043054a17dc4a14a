import assert from "node:assert/strict";
import test from "node:test";
import {
  readSearch,
  searchWords,
  subsetOf,
  writeSearch,
} from "../../reactcnn_dash/assets/live/search-text.mjs";

const NOTHING = {
  label: null,
  predicted: null,
  missed: null,
  extra: null,
  from: null,
  to: null,
  wrong: false,
  answered: null,
  order: "ordinal",
};

for (const text of [
  "all",
  "label-3",
  "label-0.predicted-5.from-100.to-999.wrong.unsure",
  "wrong.sure",
  "label-2.unanswered",
  "predicted-1.wrong.answered",
  "missed-1.extra-2.error",
]) {
  test(`“${text}” is read and written`, () => assert.equal(writeSearch(readSearch(text)), text));
}

test("parts may stand in any order; what means nothing is left out", () => {
  assert.deepEqual(readSearch("sure.to-9.nonsense.label-x.wrong"), {
    ...NOTHING,
    to: 9,
    wrong: true,
    order: "sure",
  });
  assert.deepEqual(readSearch(null), NOTHING);
});

test("a subset has no order", () => {
  assert.equal(subsetOf("wrong.unsure"), "wrong");
  assert.equal(subsetOf("unsure"), "all");
});

test("a search in words", () => {
  const words = (text) => searchWords(text, ["cat", "dog"]);
  assert.equal(words("all"), "all images");
  assert.equal(words("wrong.label-1.predicted-0"), "misclassified, class dog, predicted cat");
  assert.equal(words("label-0.unanswered"), "without an answer, class cat");
  assert.equal(words("missed-1.extra-0"), "dog missed, cat wrongly given");
  assert.equal(words("from-5"), "images 5 to the last");
  assert.equal(words("to-5.label-7"), "class class 7, images 0 to 5");
});
