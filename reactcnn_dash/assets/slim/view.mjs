/* What a person looks at on this page. */
import { choiceField, makeView, wholeField } from "../base/view.mjs";
import { SLIM_AGAINST } from "../generated/rules.mjs";

const against = choiceField(SLIM_AGAINST);

const SCHEMA = {
  /** id of the run whose network it is, or null for the newest */
  run: wholeField(null),
  /** id of the open network */
  point: wholeField(null),
  /** what the curve stands over */
  against: {
    ...against,
    // As links have it that were made when it was called so.
    read: (/** @type {string | null} */ text) => against.read(text === "work" ? "multiply-adds" : text),
  },
};

export const view = makeView(SCHEMA);
