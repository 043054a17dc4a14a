/* The list's link: what it is searched, filtered and sorted by. */
import { makeView, textField, wholeField } from "../base/view.mjs";

const SCHEMA = {
  /** words to find in any column */
  find: textField(""),
  /** columns with their direction, as in "percent:desc,name:asc" */
  sort: textField("startedAt:desc"),
  /** the columns' filters as the grid knows them, as JSON */
  filter: textField(""),
  /** number of the page, from 1 */
  page: wholeField(1),
};

export const view = makeView(SCHEMA);
