/* The filter in hand: under the pointer, in keyboard focus, or pinned. Shows its map and value. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const pointer = (rc.pointer = { at: null });
  let place = null;
  let hand = null;

  const same = (a, b) => a === b || (a && b && a.layer === b.layer && a.filter === b.filter);

  /** What is shown: the filter under the pointer, else the pinned one. */
  const current = () => pointer.at || rc.parseFilter(rc.view.filter);

  function tipText(at, entry) {
    const exact = entry && entry.value ? entry.value.gap[at.filter] : null;
    const rough = rc.gapFromCode(at);
    const value = exact !== null ? rc.number(exact) : rough === null ? "NaN" : `≈ ${rc.number(rough)}`;
    const deviation = rc.deviations.words(at);
    return `${rc.address(at)} · GAP ${value}${deviation ? ` · deviation ${deviation}` : ""}`;
  }

  function drawTip(at, entry) {
    if (!at || !place) {
      rc.tip(null, null);
      return;
    }
    const cluster = rc.clusterOf(at);
    rc.tip([tipText(at, entry), ...(cluster ? [cluster] : [])], place);
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

  /** Take a filter in hand by keyboard. */
  pointer.focusFilter = (at) => hand.focus(at);

  /** Pin a filter, or let go of it when it is pinned already. */
  pointer.pin = function (at) {
    const text = rc.filterText(at);
    rc.setView({ filter: rc.view.filter === text ? null : text });
  };

  pointer.listen = function () {
    hand = rc.listenToGrid(rc.grid, rc.byId("grid"), {
      at: () => pointer.at,
      move: pointer.move,
      near: (layer) => rc.layerData(layer),
      choose: (at) => {
        pointer.pin(at);
        rc.openLayer(at.layer);
      },
    });
  };
})();
