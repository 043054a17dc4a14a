/* What a person looks at on this page. */
import { makeView, numberField, textField } from "../base/view.mjs";

const SCHEMA = {
  /** id of the run, or null for the newest */
  run: numberField(null),
  /** τ of the clusters */
  threshold: numberField(0.7),
  /** name of the open layer */
  layer: textField(null),
  /** number of its open cluster */
  cluster: numberField(null),
};

export const view = makeView(SCHEMA, ["run", "layer"]);
