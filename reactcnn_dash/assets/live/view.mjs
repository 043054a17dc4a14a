/* What a person looks at on this page. */
import { methodField, nearestParameter } from "../base/methods.mjs";
import { choiceField, makeView, numberField, textField, wholeField } from "../base/view.mjs";
import {
  DEVIATIONS_AGAINST,
  FALSE_ALARM_RATE,
  FALSE_ALARM_RATES,
  INSTEAD,
  MODES,
  OVERVIEW,
  SCALES,
  SHEET_ORDERS,
} from "../generated/rules.mjs";

const SCHEMA = {
  /** id of the run, or null for the newest */
  run: wholeField(null),
  /** ordinal, or null to follow live */
  image: wholeField(null),
  /** name of the layer whose clusters are open */
  layer: textField(null),
  /** pinned filter as "layer:index" */
  filter: textField(null),
  /** number of the cluster that is red */
  cluster: wholeField(null),
  /** id of the slim network whose missing filters are red */
  gone: wholeField(null),
  /** clustering method, and its parameter (null: what suits the layer) */
  method: methodField(OVERVIEW),
  parameter: numberField(null),
  /** what the colours show */
  mode: choiceField(MODES),
  scale: choiceField(SCALES),
  /** the images behind a deviation: all, or those of the predicted class */
  against: choiceField(DEVIATIONS_AGAINST),
  /** false alarms at which an image is odd */
  rate: choiceField(FALSE_ALARM_RATES, FALSE_ALARM_RATE),
  /** the open search as search-text.mjs writes it */
  search: textField(null),
  /** the images behind the clusters, written likewise; null for the whole run */
  subset: textField(null),
  /** the filters that are switched off, as what-if-text.mjs writes them, and what stands in their place */
  off: textField(null),
  /** the class whose Grad-CAM lies on the image (−1: the predicted one), and the layer that it is of */
  cam: numberField(null),
  camLayer: textField(null),
  /** the sheet of the open layer's maps: where there is room, over the grid, or none; and its order */
  sheet: choiceField(["fit", "large", "off"]),
  order: choiceField(SHEET_ORDERS),
  instead: choiceField(INSTEAD),
};

export const view = makeView(SCHEMA, ({ method, parameter }) => {
  const [nearest, words] = nearestParameter(method, parameter);
  return [{ parameter: nearest }, words];
});
