/* The comparison that is on the page, and asking for it. */
import { ask, askUntilDone, BEHIND, NOT_BEGUN, shareDone, showProgress } from "../base/asker.mjs";
import { byId } from "../base/dom.mjs";
import { count } from "../base/format.mjs";
import { notice, reason } from "../base/notice.mjs";
import * as ids from "../generated/ids.mjs";
import { view } from "./view.mjs";

/** @import { Compared, LayerRow } from "../generated/compare.d.ts" */
/** @import { Query } from "../base/links.mjs" */
/** @import { Running } from "../generated/shared.d.ts" */

/** `found` is the comparison on the page; `refused` that there is none to be had. */
export const compared = {
  /** @type {Compared | null} */
  found: null,
  refused: false,
};
let wanted = "";

/** What names the comparison that the view asks for. */
export const asked = () => ({
  a: view.now.a,
  b: view.now.b,
  method: view.now.method,
  parameter: view.now.parameter,
});

/** Bring `found` in line with the view; `changed` is called with it, or with null. @param {(found: Compared | null) => void} changed */
export async function compare(changed) {
  const values = asked();
  const picked = view.now.experiment === null && values.a !== null && values.b !== null;
  const key = picked ? JSON.stringify(values) : "";
  if (key === wanted) return;
  wanted = key;
  compared.found = null;
  compared.refused = false;
  notice(null);
  progress(picked ? NOT_BEGUN : null);
  changed(null);
  if (!picked) return;
  const still = () => key === wanted;
  try {
    /** @type {Compared | null} */
    const said = await askUntilDone("/comparisons/of", values, still, (waiting) => progress(waiting));
    if (!said) return;
    compared.found = said;
  } catch (error) {
    if (!still()) return;
    compared.refused = true;
    notice(reason(error));
  }
  progress(null);
  changed(compared.found);
}

/**
 * Show how far the background process is; null takes the bar away.
 * @param {Pick<Running, "done" | "total" | "behind"> | null} waiting
 * @param {string} [more] words before
 */
export function progress(waiting, more = "") {
  const place = byId(ids.COMPARE_PROGRESS);
  place.hidden = !waiting;
  if (!waiting) {
    showProgress(place, null);
    return;
  }
  const { done, total, behind } = waiting;
  let text = "Matching the images of both runs …";
  if (behind) text = BEHIND;
  else if (total)
    text = done < total ? `${count(done)} of ${count(total)} images folded` : "Clusters and matches …";
  showProgress(place, more + text, shareDone(waiting), "Comparison");
}

/**
 * Make what asks for a thing of the comparison on the page. Of several questions the last counts.
 * @template T
 * @param {string} path
 * @param {(said: T, found: Compared) => void} take
 */
export function asker(path, take) {
  let number = 0;
  return async (/** @type {Query} */ values) => {
    number += 1;
    const mine = number;
    const { found } = compared;
    const current = () => mine === number && found === compared.found;
    try {
      const said = await ask(`/comparisons/${path}`, { ...asked(), ...values });
      if (found && current()) take(said, found);
    } catch (error) {
      if (current()) notice(reason(error));
    }
  };
}

/** The layer that is chosen, or the first. @param {Compared} found @returns {LayerRow} */
export const chosenLayer = ({ layers }) => layers.find((layer) => layer.name === view.now.layer) ?? layers[0];
