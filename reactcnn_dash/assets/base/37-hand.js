/* The filter in hand: what the pointer and the keyboard do on a grid, and the tip beside it. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  const pictureOf = (event) =>
    event.target instanceof Element ? event.target.closest(".block-cells") : null;

  /** Show lines beside a place in the window, the first as the heading; null hides them. */
  rc.tip = function (lines, place) {
    const tip = rc.byId("tip");
    if (!lines || !place) {
      tip.hidden = true;
      return;
    }
    tip.replaceChildren(...lines.map((line, i) => rc.element("div", i ? { class: "tip-more" } : {}, line)));
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const right = place.x + 16 + box.width > window.innerWidth;
    tip.style.left = `${right ? place.x - box.width - 12 : place.x + 16}px`;
    tip.style.top = `${Math.min(place.y + 14, window.innerHeight - box.height - 6)}px`;
  };

  /** Tell which filter of a grid is under the pointer or in keyboard focus.

      hooks.at()              the filter in hand, or null
      hooks.move(at, place)   another filter is in hand, or none; the place is in the window
      hooks.near(layer)       the pointer is over a layer's block; optional
      hooks.choose(at)        a filter was clicked
      Returns focus(at): take a filter in hand by keyboard. */
  rc.listenToGrid = function (grid, room, hooks) {
    function focus(at) {
      const block = grid.blocks[at.layer];
      block.node.scrollIntoView({ block: "nearest", inline: "nearest" });
      block.picture.focus({ preventScroll: true });
      const cell = block.cells ? block.cells[at.filter] : null;
      if (cell) block.picture.setAttribute("aria-activedescendant", cell.id);
      const box = block.picture.getBoundingClientRect();
      const { columns } = grid.geometry.blocks[at.layer];
      const { pitch } = grid.geometry;
      hooks.move(at, {
        x: box.left + ((at.filter % columns) + 1) * pitch,
        y: box.top + (Math.floor(at.filter / columns) + 1) * pitch,
      });
    }

    room.addEventListener("pointermove", (event) => {
      const picture = pictureOf(event);
      const at = picture ? grid.filterAt(picture, event) : null;
      if (at || hooks.at()) hooks.move(at, at ? { x: event.clientX, y: event.clientY } : null);
    });
    room.addEventListener("pointerleave", () => hooks.move(null, null));
    room.addEventListener("pointerover", (event) => {
      const block = event.target instanceof Element ? event.target.closest(".block") : null;
      if (block && hooks.near) hooks.near(Number(block.dataset.layer));
    });
    room.addEventListener("focusin", (event) => {
      const picture = pictureOf(event);
      // A click focuses too; then the pointer already has a filter in hand.
      if (!picture || !picture.matches(":focus-visible")) return;
      const layer = Number(picture.dataset.layer);
      const at = hooks.at();
      if (!at || at.layer !== layer) focus({ layer, filter: 0 });
    });
    // A click does not focus the cells: arrow keys go on moving through the images.
    room.addEventListener("mousedown", (event) => pictureOf(event) && event.preventDefault());
    room.addEventListener("focusout", (event) => {
      if (pictureOf(event)) hooks.move(null, null);
    });
    room.addEventListener("click", (event) => {
      const picture = pictureOf(event);
      const at = picture ? grid.filterAt(picture, event) : null;
      if (at) hooks.choose(at);
    });
    return { focus };
  };
})();
