/* The filter in hand: under the pointer, in keyboard focus, or pinned. Shows its map and value. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const pointer = (rc.pointer = { at: null });
  let place = null;

  const same = (a, b) => a === b || (a && b && a.layer === b.layer && a.filter === b.filter);

  /** What is shown: the filter under the pointer, else the pinned one. */
  const current = () => pointer.at || rc.parseFilter(rc.view.filter);

  function tipText(at, entry) {
    const exact = entry && entry.value ? entry.value.gap[at.filter] : null;
    const rough = rc.gapFromCode(at);
    const value = exact !== null ? rc.number(exact) : rough === null ? "NaN" : `≈ ${rc.number(rough)}`;
    return `${rc.address(at)} · GAP ${value}`;
  }

  function drawTip(at, entry) {
    const tip = rc.byId("tip");
    if (!at || !place) {
      tip.hidden = true;
      return;
    }
    const lines = [rc.element("div", {}, tipText(at, entry))];
    const cluster = rc.clusterOf(at);
    if (cluster) lines.push(rc.element("div", { class: "tip-more" }, cluster));
    tip.replaceChildren(...lines);
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const right = place.x + 16 + box.width > window.innerWidth;
    tip.style.left = `${right ? place.x - box.width - 12 : place.x + 16}px`;
    tip.style.top = `${Math.min(place.y + 14, window.innerHeight - box.height - 6)}px`;
  }

  function draw() {
    const at = current();
    const entry = at && rc.shown.image ? rc.layerData(at.layer) : null;
    if (entry && !entry.value && !entry.error) {
      const { image } = rc.shown;
      entry.ready.then(() => {
        if (image === rc.shown.image && same(at, current())) draw();
      });
      drawTip(pointer.at, entry);
      // The map that stands is replaced when the new one is here: no flicker at each image.
      if (rc.featureMap.layer !== at.layer) rc.featureMap.show(null);
      return;
    }
    rc.featureMap.show(at, entry);
    rc.featureMap.layer = at ? at.layer : -1;
    drawTip(pointer.at, entry);
  }

  /** Take a filter in hand; `where` is the pointer's place in the window, null for none. */
  pointer.move = function (at, where) {
    place = where;
    if (same(at, pointer.at)) {
      drawTip(at, at ? rc.layerData(at.layer) : null);
      return;
    }
    const layerBefore = pointer.at ? pointer.at.layer : -1;
    pointer.at = at;
    rc.grid.ring("ring", at);
    if ((at ? at.layer : -1) !== layerBefore) rc.drawLegend(at ? at.layer : null);
    draw();
  };

  /** Draw again: another image, another size, another pinned filter. */
  pointer.refresh = function () {
    if (!rc.shown.image || !rc.grid.geometry) return;
    rc.grid.ring("ring", pointer.at);
    rc.grid.ring("pin", rc.parseFilter(rc.view.filter));
    draw();
  };

  function pictureOf(event) {
    return event.target instanceof Element ? event.target.closest(".block-cells") : null;
  }

  function onMove(event) {
    const picture = pictureOf(event);
    const at = picture ? rc.grid.filterAt(picture, event) : null;
    if (at || pointer.at) pointer.move(at, at ? { x: event.clientX, y: event.clientY } : null);
  }

  function onFocus(event) {
    const picture = pictureOf(event);
    // A click focuses too; then the pointer already has a filter in hand.
    if (!picture || !picture.matches(":focus-visible")) return;
    const layer = Number(picture.dataset.layer);
    if (!pointer.at || pointer.at.layer !== layer) focusFilter({ layer, filter: 0 });
  }

  /** Take a filter in hand by keyboard. */
  function focusFilter(at) {
    const block = rc.grid.blocks[at.layer];
    block.node.scrollIntoView({ block: "nearest", inline: "nearest" });
    block.picture.focus({ preventScroll: true });
    block.picture.setAttribute("aria-activedescendant", `cell-${at.layer}-${at.filter}`);
    const box = block.picture.getBoundingClientRect();
    const { columns } = rc.grid.geometry.blocks[at.layer];
    const { pitch } = rc.grid.geometry;
    pointer.move(at, {
      x: box.left + ((at.filter % columns) + 1) * pitch,
      y: box.top + (Math.floor(at.filter / columns) + 1) * pitch,
    });
  }

  pointer.focusFilter = focusFilter;

  /** Pin a filter, or let go of it when it is pinned already. */
  pointer.pin = function (at) {
    const text = rc.filterText(at);
    rc.setView({ filter: rc.view.filter === text ? null : text });
  };

  pointer.listen = function () {
    const grid = rc.byId("grid");
    grid.addEventListener("pointermove", onMove);
    grid.addEventListener("pointerleave", () => pointer.move(null, null));
    grid.addEventListener("pointerover", (event) => {
      const block = event.target instanceof Element ? event.target.closest(".block") : null;
      if (block) rc.layerData(Number(block.dataset.layer));
    });
    grid.addEventListener("focusin", onFocus);
    // A click does not focus the cells: arrow keys go on moving through time.
    grid.addEventListener("mousedown", (event) => pictureOf(event) && event.preventDefault());
    grid.addEventListener("focusout", (event) => {
      if (pictureOf(event)) pointer.move(null, null);
    });
    grid.addEventListener("click", (event) => {
      const picture = pictureOf(event);
      const at = picture ? rc.grid.filterAt(picture, event) : null;
      if (!at) return;
      pointer.pin(at);
      rc.openLayer(at.layer);
    });
  };
})();
