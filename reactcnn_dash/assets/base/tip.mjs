/* The tip beside the pointer. */
import { TIP } from "../generated/ids.mjs";
import { byId, element } from "./dom.mjs";

/** A place in the window. @typedef {{ x: number, y: number }} Place */

/** @param {{ clientX: number, clientY: number }} event @returns {Place} */
export const placeOf = (event) => ({ x: event.clientX, y: event.clientY });

/**
 * Show lines beside a place, the first as the heading; null hides them.
 * @param {readonly string[] | null} lines
 * @param {Place | null} [place]
 */
export function tip(lines, place) {
  const node = byId(TIP);
  if (!lines || !place) {
    node.hidden = true;
    return;
  }
  node.replaceChildren(...lines.map((line, i) => element("div", i ? { class: "tip-more" } : {}, line)));
  node.hidden = false;
  const box = node.getBoundingClientRect();
  const right = place.x + 16 + box.width > window.innerWidth;
  node.style.left = `${right ? place.x - box.width - 12 : place.x + 16}px`;
  node.style.top = `${Math.min(place.y + 14, window.innerHeight - box.height - 6)}px`;
}

export const hideTip = () => tip(null);

/**
 * Tell something of what is under the pointer.
 * @param {Element} node
 * @param {(event: PointerEvent) => readonly string[]} lines
 * @param {Element} [left] where the pointer leaves it
 */
export function tellAt(node, lines, left = node) {
  node.addEventListener("pointermove", (event) =>
    tip(lines(/** @type {PointerEvent} */ (event)), placeOf(/** @type {PointerEvent} */ (event))),
  );
  left.addEventListener("pointerleave", hideTip);
}
