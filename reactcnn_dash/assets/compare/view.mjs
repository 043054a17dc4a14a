/* What a person looks at on this page. */
import { methodField, nearestParameter } from "../base/methods.mjs";
import { choiceField, makeView, numberField, textField, wholeField } from "../base/view.mjs";
import {
  CHANGE_KINDS,
  COMPARE_TABS,
  EPOCHS_AGAINST,
  PAIR_SHOWN,
  REDUNDANT,
  SCALES,
} from "../generated/rules.mjs";

/** @import { Field } from "../base/view.mjs" */

/** @type {Field<string | null>} */
const experiment = { usual: null, read: (text) => text };

const SCHEMA = {
  /** ids of the runs */
  a: wholeField(null),
  b: wholeField(null),
  /** name of an experiment instead of runs; "" while none is picked */
  experiment,
  /** what its epochs are compared with */
  against: choiceField(EPOCHS_AGAINST),
  /** clustering method, and its parameter (null: what suits the layer) */
  method: methodField(REDUNDANT),
  parameter: numberField(null),
  /** name of the chosen layer, or null for the first */
  layer: textField(null),
  tab: choiceField(COMPARE_TABS),
  /** which changed images, and the page of them, from 1 */
  kind: choiceField(CHANGE_KINDS),
  page: wholeField(1),
  /** ordinal in run A of the image that is open in both runs */
  image: wholeField(null),
  /** what its grid shows */
  shown: choiceField(PAIR_SHOWN, "difference"),
  scale: choiceField(SCALES),
  /** what is red in the cluster flow, as "a:3", "b:5" or "a:3>b:5" */
  cluster: textField(null),
};

export const view = makeView(SCHEMA, ({ method, parameter }) => {
  const [nearest, words] = nearestParameter(method, parameter);
  return [{ parameter: nearest }, words];
});

/** Whether what is shown is of the chosen layer alone. */
export const ofLayer = () => view.now.tab === "filters" || view.now.tab === "flow";

/** What lets go of what is open: another pair of runs. */
export const AFRESH = { image: null, page: 1, cluster: null };
