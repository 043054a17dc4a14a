/* What a person looks at on this page. */
import { choiceField, makeView, numberField } from "../base/view.mjs";

const SCHEMA = {
  /** id of the run whose network it is, or null for the newest */
  run: numberField(null),
  /** id of the open network */
  point: numberField(null),
  /** what the curve stands over */
  against: choiceField("parameters", ["parameters", "work", "speed"]),
};

export const view = makeView(SCHEMA, ["run"]);
