/* What the network says of the image, beside what is right: classes, labels, values, or nothing. */
import { byId, div, element, span, track } from "../base/dom.mjs";
import { answer, meanError, plural, probability } from "../base/format.mjs";
import * as ids from "../generated/ids.mjs";
import { answerOf, classOf, namesClasses, shown } from "./shown.mjs";

/** @import { Shown } from "./shown.mjs" */

/** @type {Record<string, string>} */
const TITLES = {
  classes: "Class probabilities",
  labels: "Labels",
  values: "Values",
  none: "Answer",
};

/** What became of a label, by its letter (see ShownImage): given or not, right or not, and in words. */
const HITS = /** @type {Record<string, { given: boolean, right: boolean | null, words: string }>} */ ({
  h: { given: true, right: true, words: "hit" },
  f: { given: true, right: false, words: "false" },
  m: { given: false, right: true, words: "missed" },
  "-": { given: false, right: false, words: "" },
  "+": { given: true, right: null, words: "" },
  "?": { given: false, right: null, words: "" },
});

/** @type {Record<string, string>} */
const MEANINGS = {
  h: "right, and given",
  f: "given, and not right: a false positive",
  m: "right, and not given",
  "-": "not right, and not given",
};

/** The names of the labels with one of these letters. @param {Shown} image @param {string} letters */
const named = ({ hits, probabilities }, letters) =>
  probabilities.filter((_, place) => letters.includes(hits?.[place] ?? "?")).map(([index]) => classOf(index));

/** A value less what is due, with its sign. @param {number} off */
const offText = (off) => (off > 0 ? `+${answer(off)}` : answer(off));

/** How far a value is off; null where that is not known. @param {Shown} image @param {number} place */
function offOf({ probabilities, targets }, place) {
  const [value, due] = [probabilities[place][1], targets?.[place] ?? null];
  return value === null || due === null ? null : value - due;
}

/** The labels that are given to an image, or its values, in words. @param {Shown} image */
export function answerWords(image) {
  const { probabilities, error } = image;
  const { answers = "none" } = shown.model ?? {};
  if (answers === "labels") return named(image, "hf+").join(", ") || "no label";
  if (answers !== "values") return "no answer stored";
  if (probabilities.length > 1) {
    const off = error === null ? "" : `, off by ${meanError(error)} on average`;
    return `${probabilities.length} values${off}`;
  }
  return answer(probabilities[0][1]);
}

/** Whether a class is wrong, as far as one knows. @param {Shown} image */
export const isWrong = ({ label, prediction }) => label !== null && label !== prediction;

/** What is right of an image with labels or values, in words; "" where it is not known. @param {Shown} image */
export function truthWords(image) {
  const { targets, hits } = image;
  if (!targets) return "";
  if (hits === null) {
    const due = targets[0];
    if (targets.length > 1 || due === null) return "";
    const off = offOf(image, 0);
    return `target ${answer(due)}${off === null ? "" : `, off by ${offText(off)}`}`;
  }
  const [missed, extra] = [named(image, "m"), named(image, "f")];
  const parts = [
    ...(missed.length ? [`missed ${missed.join(", ")}`] : []),
    ...(extra.length ? [`false ${extra.join(", ")}`] : []),
  ];
  return parts.join("; ") || "every label right";
}

/** @param {Shown} image */
export function verdict(image) {
  const { label } = image;
  if (!namesClasses()) {
    const truth = truthWords(image);
    const wrong = image.hits !== null && image.error !== null && image.error > 0;
    return div(
      wrong ? "verdict wrong" : "verdict",
      element("strong", {}, answerWords(image)),
      truth && ` — ${truth}`,
    );
  }
  const wrong = isWrong(image);
  return div(
    wrong ? "verdict wrong" : "verdict",
    image.prediction < 0 ? null : "predicted ",
    element("strong", {}, classOf(image.prediction)),
    label === null ? null : wrong ? " — wrong, it is " : " — right",
    wrong ? element("strong", {}, classOf(label ?? -1)) : null,
  );
}

/** A label's bar: its probability, its threshold, and what became of it. @param {number | null} value @param {number} threshold @param {string} hit */
function labelFigures(value, threshold, hit) {
  const bar = track(value ?? 0);
  const mark = element("span", { class: "bar-threshold", "aria-hidden": "true" });
  mark.style.left = `${100 * threshold}%`;
  bar.append(mark);
  const of = `given from ${probability(threshold)} on`;
  const told = MEANINGS[hit];
  const figures = [bar, element("span", { class: "bar-value", title: of }, probability(value))];
  if (!told) return figures;
  const words = HITS[hit].words || span("off-screen", "not given");
  return [
    ...figures,
    element("span", { class: `bar-hit hit-${HITS[hit].words || "rest"}`, title: told }, words),
  ];
}

/** A value, with what is due and how far it is off. @param {Shown} image @param {number} place */
function valueFigures(image, place) {
  const value = span("bar-value", answer(image.probabilities[place][1]));
  if (!image.targets) return [element("span", {}), value];
  const [due, off] = [image.targets[place], offOf(image, place)];
  return [
    value,
    span("bar-value bar-due", due === null ? "–" : answer(due)),
    span("bar-value bar-off", off === null ? "–" : offText(off)),
  ];
}

/** The names of the columns of values with their targets. */
const valueHead = () =>
  element(
    "div",
    { class: "bar due bar-head", role: "listitem" },
    ...["", "value", "target", "off by"].map((name) => span("bar-value", name)),
  );

/** @param {Shown} image @param {number} place */
function row(image, place) {
  const { answers = "classes", thresholds = [] } = shown.model ?? {};
  const [index, value] = image.probabilities[place];
  const hit = image.hits?.[place] ?? "?";
  const given = answers === "labels" ? HITS[hit].given : index === image.prediction;
  const right = answers === "labels" ? HITS[hit].right === true : index === image.label;
  const kinds = ["bar"];
  if (given) kinds.push("predicted");
  if (right) kinds.push("label");
  if (answers === "labels" && image.targets) kinds.push("told");
  if (answers === "values" && image.targets) kinds.push("due");
  const figures =
    answers === "values"
      ? valueFigures(image, place)
      : answers === "labels"
        ? labelFigures(value, thresholds[index], hit)
        : [track(value ?? 0), span("bar-value", probability(value))];
  return element(
    "div",
    { class: kinds.join(" "), role: "listitem" },
    element("span", { class: "bar-name", title: classOf(index) }, classOf(index)),
    ...figures,
  );
}

/** Draw the list of classes, labels or values. @param {Shown} image */
export function drawAnswers(image) {
  const { answers = "classes" } = shown.model ?? {};
  byId(ids.ANSWERS_TITLE).textContent = TITLES[answers];
  const place = byId(ids.PROBABILITIES);
  if (answers === "none") {
    place.replaceChildren(element("p", { class: "small", role: "listitem" }, `${answerOf()}.`));
    return;
  }
  const rows = image.probabilities.map((_, i) => row(image, i));
  if (answers === "values" && image.targets) rows.unshift(valueHead());
  place.replaceChildren(...rows);
}

/** What a hit of a search says of its error, in words; "" where it says nothing. @param {number | null} error @param {boolean | null} wrong */
export function errorWords(error, wrong) {
  if (error === null) return "";
  if (shown.model?.answers === "values") return `off by ${meanError(error)}`;
  return wrong ? (error ? `${plural(error, "label")} wrong` : "no answer") : "right";
}
