/* One layer's exact GAP values and feature maps for one image: fetched once, kept a while. */
import { reason } from "../base/notice.mjs";
import { fetchLayer } from "../base/pixels.mjs";
import { whole } from "./shown.mjs";

/** @import { LayerData } from "../base/pixels.mjs" */

/** `value` or `error` are set once `ready` is. @typedef {{ value: LayerData | null, error: string | null, ready: Promise<void> }} Entry */

const KEPT = 60;
/** How long a failure is told before the layer is asked for again. */
const AGAIN_MS = 5000;
/** @type {Map<string, Entry>} */
const cache = new Map();

/** The data of a layer for the image on the page; null without one. @param {number} index @returns {Entry | null} */
export function layerData(index) {
  const here = whole();
  if (!here) return null;
  const { run, image, model } = here;
  const key = `${run.uuid}/${image.ordinal}/${index}`;
  const entry = cache.get(key) ?? begin(key, run.uuid, image.ordinal, index, model.layers[index].filters);
  // The one used last is forgotten last.
  cache.delete(key);
  for (const old of cache.keys()) {
    if (cache.size < KEPT) break;
    cache.delete(old);
  }
  cache.set(key, entry);
  return entry;
}

/** Ask anew for what is not known of an image: it has maps now. @param {string} uuid @param {number} ordinal */
export function forgetImage(uuid, ordinal) {
  for (const key of [...cache.keys()]) if (key.startsWith(`${uuid}/${ordinal}/`)) cache.delete(key);
}

/**
 * @param {string} key
 * @param {string} uuid
 * @param {number} ordinal
 * @param {number} index
 * @param {number} filters
 */
function begin(key, uuid, ordinal, index, filters) {
  /** @type {Entry} */
  const entry = { value: null, error: null, ready: Promise.resolve() };
  entry.ready = fetchLayer(uuid, ordinal, index, filters).then(
    (value) => {
      entry.value = value;
    },
    (error) => {
      entry.error = reason(error);
      window.setTimeout(() => {
        if (cache.get(key) === entry) cache.delete(key);
      }, AGAIN_MS);
    },
  );
  return entry;
}
