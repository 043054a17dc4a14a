/* What was taken for what in both runs, side by side; asked for once. */
import { askByClass } from "../base/by-class.mjs";
import { drawRight } from "../base/by-label.mjs";
import { byId } from "../base/dom.mjs";
import { notice, reason } from "../base/notice.mjs";
import * as ids from "../generated/ids.mjs";
import { view } from "./view.mjs";

/** @import { Compared } from "../generated/compare.d.ts" */

/** The comparison that is drawn, or on its way. @type {Compared | null} */
let drawn = null;

/** Bring the figures by class in line with the view. @param {Compared} found */
export async function drawClasses(found) {
  if (view.now.tab !== "classes" || found === drawn) return;
  drawn = found;
  const place = byId(ids.COMPARE_CLASSES);
  place.textContent = "Counting …";
  const still = () => found === drawn;
  try {
    const a = await askByClass(found.a.id, still);
    const b = await askByClass(found.b.id, still);
    if (!a || !b) return;
    drawRight(place, [
      { said: a, side: "a" },
      { said: b, side: "b" },
    ]);
  } catch (error) {
    if (!still()) return;
    drawn = null;
    place.replaceChildren();
    notice(reason(error));
  }
}

export function forgetClasses() {
  drawn = null;
  byId(ids.COMPARE_CLASSES).replaceChildren();
}
