/* Feature maps of an image that has none, computed again by the run's own model when asked for. */
import { askUntilDone, BEHIND, Refused } from "../base/asker.mjs";
import { element } from "../base/dom.mjs";
import { notice, reason } from "../base/notice.mjs";
import { forgetImage, layerData } from "./layer-data.mjs";
import { refresh } from "./pointer.mjs";
import { pinned, whole } from "./shown.mjs";

/** @import { MapsAgain } from "../generated/live.d.ts" */
/** @import { Running } from "../generated/shared.d.ts" */

/** The image whose maps are computed. @type {{ key: string, words: string } | null} */
let computing = null;
/** Somebody has asked once: the model is at hand, and other images follow by themselves. */
let willing = false;

/** @param {{ run: { uuid: string }, image: { ordinal: number } }} here */
const keyOf = ({ run, image }) => `${run.uuid}/${image.ordinal}`;

/** @param {Running} waiting */
const wordsOf = ({ behind, loading }) => (behind ? BEHIND : loading ? "loading the model …" : "computing …");

/** Compute the maps of the image on the page. */
export async function computeMaps() {
  const here = whole();
  if (!here || computing) return;
  const { run, image } = here;
  const mine = { key: keyOf(here), words: "loading the model …" };
  computing = mine;
  refresh();
  const still = () => {
    const now = whole();
    return now !== null && keyOf(now) === mine.key;
  };
  try {
    /** @type {MapsAgain | null} */
    const found = await askUntilDone(`/model/${run.uuid}/maps/${image.ordinal}`, {}, still, (waiting) => {
      mine.words = wordsOf(waiting);
      refresh();
    });
    if (found) {
      willing = true;
      forgetImage(run.uuid, image.ordinal);
      if (found.rounded) {
        notice(
          "These maps are of the stored pixels, which are rounded: the run was given finer ones.",
          "info",
        );
      }
    }
  } catch (error) {
    willing = false;
    notice(
      error instanceof Refused ? error.message : `The maps could not be computed: ${reason(error)}`,
      "warning",
    );
  }
  computing = null;
  refresh();
}

/** Compute the maps of the image on the page if it has none, for the layer of the pinned filter. */
export function computeMissing() {
  const at = pinned();
  const value = at && layerData(at.layer)?.value;
  if (value && !value.maps) computeMaps();
}

/** What stands in the place of a map that is not stored. */
export function withoutMaps() {
  const here = whole();
  if (here && computing?.key === keyOf(here)) return [element("span", { role: "status" }, computing.words)];
  if (willing && !computing) {
    queueMicrotask(computeMaps);
    return [element("span", { role: "status" }, "computing …")];
  }
  const title = "Compute the maps of this image again, by the run's own model (V)";
  return [
    "not stored · ",
    element("button", { class: "map-compute", type: "button", title, onclick: computeMaps }, "compute"),
  ];
}
