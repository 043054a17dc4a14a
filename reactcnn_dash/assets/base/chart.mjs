/* What every chart is made of: scales, axes, lines, and rows that are walked through. */
import { svg } from "./dom.mjs";

/** @import { Attributes } from "./dom.mjs" */

/** Room around the drawing. @typedef {{ left: number, right: number, top: number, bottom: number }} Pad */

/** The ends of an axis. @typedef {readonly [number, number]} Ends */

/** From a value to a place. @typedef {(value: number) => number} Axis */

/**
 * An axis from values to places, both given by their ends.
 * @param {Ends} values
 * @param {Ends} places
 * @returns {Axis}
 */
export const axis =
  ([low, high], [from, to]) =>
  (value) =>
    from + ((value - low) / (high - low)) * (to - from);

/**
 * Both axes of a chart in its room: values grow to the right and upwards.
 * @param {{ width: number, height: number, pad: Pad, inset?: number }} room `inset` is kept free at
 *   the left and right
 * @param {Ends} xs
 * @param {Ends} ys
 */
export const axes = ({ width, height, pad, inset = 0 }, xs, ys) => ({
  x: axis(xs, [pad.left + inset, width - pad.right - inset]),
  y: axis(ys, [height - pad.bottom, pad.top]),
});

/**
 * The ends of some values, with room around them where they are all the same.
 * @param {readonly (number | null)[]} values
 * @param {number} [room]
 * @returns {[number, number]}
 */
export function endsOf(values, room = 0.5) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return [-room, room];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  return high - low > 1e-12 ? [low, high] : [low - room, high + room];
}

/** Low, middle and high. @param {Ends} ends */
export const thirds = ([low, high]) => [low, (low + high) / 2, high];

/**
 * Which of some labels along an axis are written, so that none touches another; the last always is.
 * @param {readonly number[]} places
 * @param {number} room that a label takes
 */
export function uncrowded(places, room) {
  const last = places.length - 1;
  let taken = Number.NEGATIVE_INFINITY;
  return places.flatMap((place, i) => {
    const crowded = place - taken < room || places[last] - place < room;
    if (crowded && i !== last) return [];
    taken = place;
    return [i];
  });
}

/**
 * A line through points; those without a value are left out, or interrupt it.
 * @param {readonly number[]} xs
 * @param {readonly (number | null)[]} ys
 * @param {boolean} [interrupted]
 */
export function linePath(xs, ys, interrupted = false) {
  let path = "";
  let pen = "M";
  ys.forEach((y, i) => {
    if (y === null) {
      if (interrupted) pen = "M";
      return;
    }
    path += `${pen}${xs[i].toFixed(1)},${y.toFixed(1)}`;
    pen = "L";
  });
  return path;
}

/**
 * The area between two lines.
 * @param {readonly number[]} xs
 * @param {readonly number[]} highs
 * @param {readonly number[]} lows
 */
export const bandPath = (xs, highs, lows) =>
  `${linePath(xs, highs)}${linePath(xs.toReversed(), lows.toReversed()).replace("M", "L")}Z`;

/**
 * Words in a drawing.
 * @param {string | number} words
 * @param {number} x
 * @param {number} y
 * @param {"start" | "middle" | "end"} anchor
 * @param {Attributes} [more]
 */
export const text = (words, x, y, anchor, more = {}) =>
  svg("text", { class: "chart-tick", x, y, "text-anchor": anchor, ...more }, String(words));

/**
 * Rules across a chart at some values, each with its value at the left.
 * @param {{ width: number, pad: Pad }} room
 * @param {readonly number[]} values
 * @param {Axis} y
 * @param {(value: number) => string} words
 * @param {string} [kind] class of the rules
 */
export const rules = ({ width, pad }, values, y, words, kind = "chart-rule") =>
  values.flatMap((value) => [
    svg("line", { class: kind, x1: pad.left, x2: width - pad.right, y1: y(value), y2: y(value) }),
    text(words(value), pad.left - 5, y(value) + 3.5, "end"),
  ]);

/**
 * Labels below a chart, as many as do not touch.
 * @param {readonly number[]} places
 * @param {number} y
 * @param {number} room that a label takes
 * @param {(i: number) => string} words
 */
export const labels = (places, y, room, words) =>
  uncrowded(places, room).map((i) => text(words(i), places[i], y, "middle"));

/**
 * Call a function when a part of a drawing is chosen, by mouse or by keyboard.
 * @param {Element} node
 * @param {() => void} choose
 */
export function onChoose(node, choose) {
  node.addEventListener("click", choose);
  node.addEventListener("keydown", (event) => {
    const { key } = /** @type {KeyboardEvent} */ (event);
    if (key !== "Enter" && key !== " ") return;
    event.preventDefault();
    choose();
  });
}
