/* What is told of a slim network, in numbers and in words. Pure functions. */
import { count, percent, signed } from "../base/format.mjs";
import { SLIM_METHODS } from "../generated/rules.mjs";

/** @import { Measured, Point } from "../generated/slim.d.ts" */

/** The shape that a way of choosing filters has in the curve. @type {Record<string, string>} */
const SHAPES = { refit: "circle", clusters: "square", l1: "triangle", random: "cross", plan: "star" };

/** How filters were chosen, in words, and the shape that it has in the curve. @param {string} method */
export function methodOf(method) {
  const words = SLIM_METHODS[method] ?? method;
  return { label: words.charAt(0).toLowerCase() + words.slice(1), shape: SHAPES[method] ?? "circle" };
}

/**
 * What a network was measured by: accuracy, or else agreement; null if it was not.
 * @param {Point} point
 * @returns {Measured | null}
 */
export const measured = (point) => point.accuracy ?? point.agreement;

/** Points of a change, with a sign. @param {number} value */
export const points = (value) => signed(100 * value, 2);

/**
 * The change of a network's accuracy in words.
 * @param {Point} point
 */
export function changeText({ accuracy, agreement, images }) {
  if (accuracy) {
    const { before, after, change95 } = accuracy;
    const doubt = change95 ? ` (95 % interval ${points(change95[0])} to ${points(change95[1])})` : "";
    return `${percent(after)} of ${count(images)} images right, ${percent(before)} when whole: ${points(after - before)} points${doubt}`;
  }
  if (agreement) return `${percent(agreement.after)} of ${count(images)} images keep their class`;
  return "not measured: give --evaluate";
}

/**
 * Where a network stands on the axis below the curve; null where that was not measured.
 * @param {Point} point
 * @param {string} against
 */
export function across(point, against) {
  if (against === "speed") return point.speed ? point.speed[1] : null;
  return against === "multiply-adds" ? point.multiplyAdds : point.parameters;
}

/**
 * The networks that can stand in one curve: measured in the same way over the same images as the
 * newest that was.
 * @param {readonly Point[]} all
 * @param {string} against
 */
export function comparable(all, against) {
  const usable = all.filter((point) => measured(point) && across(point, against) !== null);
  const newest = usable.at(-1);
  if (!newest) return [];
  const same = (/** @type {Point} */ { accuracy, source, images }) =>
    (accuracy === null) === (newest.accuracy === null) &&
    source === newest.source &&
    images === newest.images;
  return usable.filter(same);
}

/**
 * Ends of an axis with some room, at round steps of a twentieth of its length or so.
 * @param {readonly number[]} values
 * @param {readonly [number, number]} bounds what it never passes
 */
export function roomFor(values, [lowest, highest]) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max((high - low) * 0.12, 1e-3 * Math.max(1, Math.abs(high)));
  return /** @type {[number, number]} */ ([Math.max(lowest, low - room), Math.min(highest, high + room)]);
}

/**
 * Some round values between two ends.
 * @param {readonly [number, number]} ends
 * @param {number} most
 */
export function ticks([low, high], most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) {
    found.push(Number(value.toPrecision(12)));
  }
  return found;
}
