/* What the tour says. Pure: facts in, words out. */
import { count, plural } from "../base/format.mjs";

/** @import { VisitCluster, VisitFilter } from "../generated/live.d.ts" */

/** What drives a filter: in short, and as what its GAP rises with. @type {Record<string, [string, string]>} */
const DRIVES = {
  red: ["red", "the redder the image is"],
  green: ["green", "the greener the image is"],
  blue: ["blue", "the bluer the image is"],
  yellow: ["yellow", "the yellower the image is"],
  light: ["light", "the lighter the image is"],
  dark: ["dark", "the darker the image is"],
  contrast: ["contrast", "the more contrast the image has"],
};

/**
 * What is said of the filter to point at, by name: "filter 27 of block1_conv2".
 * @param {VisitFilter} filter
 * @param {string} name
 */
export function filterWords({ stimulus, r, images }, name) {
  const [thing, more] = (stimulus && DRIVES[stimulus]) || [];
  return thing
    ? `This is ${name}. It answers to ${thing}: its GAP is larger ${more} (r = ${r.toFixed(2)} over ${plural(images, "image")}).`
    : `Every square is a filter, its colour is its GAP. This is ${name}: of its layer it answers most to this image.`;
}

/** @param {VisitFilter} filter */
export const filterFound = ({ mapped }) =>
  mapped
    ? "Above its layer stands its feature map: where in the image it answers. The image keeps its light only there."
    : "Its feature map for this image is not stored; an image that has one keeps its light only where the filter answers.";

/**
 * @param {VisitCluster} cluster
 * @param {{ name: string, filters: number }} layer
 */
export const clusterWords = ({ size, mean, images }, { name, filters }) =>
  `${count(size)} of the ${count(filters)} filters of ${name} move together: from image to image their GAP rises and falls alike (mean r ${mean.toFixed(2)} over ${plural(images, "image")}).`;

/** @param {VisitCluster} cluster */
export const clusterFound = ({ size }) =>
  `These ${count(size)} are red now, here and in the graph. Filters of a cluster may do the same work: Redundancy looks into that.`;

/** @param {number} odd */
export const oddWords = (odd) =>
  `${plural(odd, "image")} of this run ${odd === 1 ? "is" : "are"} odd: unlike what is usual for the network. O goes to the next, from wherever you are.`;

/** @param {number} wrong */
export const wrongWords = (wrong) =>
  `${plural(wrong, "image")} of this run ${wrong === 1 ? "is" : "are"} misclassified. M goes to the next, from wherever you are.`;
