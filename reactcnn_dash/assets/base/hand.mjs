/* The filter in hand: what the pointer and the keyboard do on a grid. */
import { around } from "./dom.mjs";

/** @import { At, Grid } from "./grid.mjs" */
/** @import { Place } from "./tip.mjs" */

/** @param {Event} event */
const pictureOf = (event) => around(event, ".block-cells");

/**
 * Tell which filter of a grid is under the pointer or in keyboard focus.
 * @param {Grid} grid
 * @param {HTMLElement} room
 * @param {object} hooks
 * @param {() => At | null} hooks.at the filter in hand
 * @param {(at: At | null, place: Place | null) => void} hooks.move another filter is in hand, or none
 * @param {(layer: number) => void} [hooks.near] the pointer is over a layer's block
 * @param {(at: At) => void} hooks.choose a filter was clicked
 */
export function listenToGrid(grid, room, hooks) {
  /** Take a filter in hand by keyboard. @param {At} at */
  function focus(at) {
    const block = grid.blocks[at.layer];
    block.node.scrollIntoView({ block: "nearest", inline: "nearest" });
    block.picture.focus({ preventScroll: true });
    const cell = block.cells?.[at.filter];
    if (cell) block.picture.setAttribute("aria-activedescendant", cell.id);
    const box = block.picture.getBoundingClientRect();
    const { columns } = grid.placeOf(at.layer);
    const { pitch } = grid.placed();
    hooks.move(at, {
      x: box.left + ((at.filter % columns) + 1) * pitch,
      y: box.top + (Math.floor(at.filter / columns) + 1) * pitch,
    });
  }

  room.addEventListener("pointermove", (event) => {
    const picture = pictureOf(event);
    const at = picture && grid.filterAt(picture, event);
    if (at || hooks.at()) hooks.move(at, at ? { x: event.clientX, y: event.clientY } : null);
  });
  room.addEventListener("pointerleave", () => hooks.move(null, null));
  room.addEventListener("pointerover", (event) => {
    const block = around(event, ".block");
    if (block && hooks.near) hooks.near(Number(block.dataset.layer));
  });
  room.addEventListener("focusin", (event) => {
    const picture = pictureOf(event);
    // A click focuses too; then the pointer already has a filter in hand.
    if (!picture?.matches(":focus-visible")) return;
    const layer = Number(picture.dataset.layer);
    if (hooks.at()?.layer !== layer) focus({ layer, filter: 0 });
  });
  // A click does not focus the cells: arrow keys go on moving through the images.
  room.addEventListener("mousedown", (event) => pictureOf(event) && event.preventDefault());
  room.addEventListener("focusout", (event) => {
    if (pictureOf(event)) hooks.move(null, null);
  });
  room.addEventListener("click", (event) => {
    const picture = pictureOf(event);
    const at = picture && grid.filterAt(picture, event);
    if (at) hooks.choose(at);
  });
  return { focus };
}
