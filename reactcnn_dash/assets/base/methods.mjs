/* Clustering methods and what their parameters may be. */
import { METHODS, RANGES } from "../generated/rules.mjs";
import { choiceField } from "./view.mjs";

/** A field for a method. @param {string} usual */
export const methodField = (usual) => choiceField(Object.keys(METHODS), usual);

/**
 * The parameter that a method can take, nearest to one asked for; and in words what was asked for.
 * @param {string} method
 * @param {number | null} parameter null: what suits the layer
 * @returns {[number | null, string[]]}
 */
export function nearestParameter(method, parameter) {
  if (parameter === null) return [null, []];
  const [least, most] = RANGES[method];
  const nearest = Math.max(least, Math.min(most, parameter));
  const { symbol } = METHODS[method];
  const words = `${symbol} lies between ${least} and ${most}, not at ${parameter}; this is ${nearest}.`;
  return [nearest, nearest === parameter ? [] : [words]];
}
