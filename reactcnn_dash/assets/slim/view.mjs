/* What a person looks at on this page. */
import { choiceField, makeView, wholeField } from "../base/view.mjs";

const SCHEMA = {
  /** id of the run whose network it is, or null for the newest */
  run: wholeField(null),
  /** id of the open network */
  point: wholeField(null),
  /** what the curve stands over */
  against: choiceField("parameters", ["parameters", "work", "speed"]),
};

export const view = makeView(SCHEMA);
