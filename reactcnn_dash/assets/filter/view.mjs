/* Which filter a person looks at, and links to others. */
import { element } from "../base/dom.mjs";
import { filterPage } from "../base/links.mjs";
import { makeView, textField, wholeField } from "../base/view.mjs";
import { facts } from "./facts.mjs";

/** @import { Attributes, Child } from "../base/dom.mjs" */

const SCHEMA = {
  /** id of the run, or null for the newest */
  run: wholeField(null),
  /** name of the layer, or null for the first */
  layer: textField(null),
  /** number of the filter, or null for the first */
  filter: wholeField(null),
};

export const view = makeView(SCHEMA);

/**
 * A link to another filter's page; of this run it is opened without loading the page anew.
 * @param {number} run
 * @param {string} layer
 * @param {number} filter
 * @param {Attributes} attributes
 * @param {...Child} children
 */
export function filterLink(run, layer, filter, attributes, ...children) {
  const link = element("a", { href: filterPage(run, layer, filter), ...attributes }, ...children);
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || run !== facts.now?.run.id) return;
    event.preventDefault();
    view.set({ run, layer, filter });
  });
  return link;
}
