/* What a person looks at on this page. */
import { nearestParameter } from "../base/methods.mjs";
import { makeView, numberField, textField, wholeField } from "../base/view.mjs";
import { REDUNDANT } from "../generated/rules.mjs";

const SCHEMA = {
  /** id of the run, or null for the newest */
  run: wholeField(null),
  /** τ of the clusters */
  threshold: numberField(0.7),
  /** name of the open layer */
  layer: textField(null),
  /** number of its open cluster */
  cluster: wholeField(null),
};

export const view = makeView(SCHEMA, ({ threshold }) => {
  const [nearest, words] = nearestParameter(REDUNDANT, threshold);
  return [{ threshold: nearest ?? threshold }, words];
});
