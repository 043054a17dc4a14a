/* What is known of the filter on the page, and how cards say that they have nothing to draw. */
import { byId, paragraph } from "../base/dom.mjs";
import { className } from "../base/format.mjs";

/** @import { FilterFacts } from "../generated/filter.d.ts" */

export const facts = {
  /** Null before the first answer. @type {FilterFacts | null} */
  now: null,
};

/** What is known, once there is an answer. */
export function known() {
  if (!facts.now) throw new Error("Nothing is known of the filter yet.");
  return facts.now;
}

/** The name of the filter's layer. @param {FilterFacts} of */
export const layerName = ({ layers, layer }) => layers[layer][0];

/** A class of the run by its number. @param {FilterFacts} of @param {number} index */
export const classOf = ({ run }, index) => className(run.classes, index);

/** Say something in a card instead of a picture. @param {string} id @param {string} text */
export const say = (id, text) => byId(id).replaceChildren(paragraph("small", text));
