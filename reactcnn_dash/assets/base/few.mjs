/* Few images give no verdict: what stands beside an r that comes from few (see analysis/stability.py). */
import { FEW_IMAGES, NORMAL_95 } from "../generated/rules.mjs";
import { plural } from "./format.mjs";

/** Whether so many images are too few. @param {number} images */
export const isFew = (images) => images < FEW_IMAGES;

/** How far from 0 r of unrelated filters comes in 95 of 100 cases. @param {number} images at least 2 */
export const scatter = (images) => Math.min(1, NORMAL_95 / Math.sqrt(images - 1));

/** Why a figure is no verdict; "" where the images are enough. @param {number} images */
export const fewWords = (images) =>
  isFew(images)
    ? `from ${plural(images, "image")}: r of unrelated filters scatters by ± ${scatter(images).toFixed(2)}`
    : "";

/** The formula behind it, for a title. */
export const FORMULA = `± 1.96/√(n − 1), the range of 95 of 100; figures are no verdict below ${FEW_IMAGES} images`;

/**
 * Grey the figures of a place where they come from few images.
 * @param {HTMLElement} place
 * @param {number} images
 */
export function greyFew(place, images) {
  place.classList.toggle("few-images", isFew(images));
}
