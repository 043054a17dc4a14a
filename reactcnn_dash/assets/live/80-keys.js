/* The keyboard: time, filters, clusters, and Escape. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  const typing = (node) =>
    node instanceof Element &&
    (node.closest("input:not([type=radio]), textarea, select, [contenteditable], [role=slider], [role=dialog], .ag-root") !== null);

  const pressing = (node) => node instanceof Element && node.closest("button, a, [role=radiogroup]") !== null;

  const choosing = (node) => node instanceof Element && node.closest("[role=radiogroup]") !== null;

  function escape() {
    if (rc.view.cluster !== null) rc.setView({ cluster: null });
    else if (rc.view.filter !== null) rc.setView({ filter: null });
    else if (rc.view.layer !== null) rc.setView({ layer: null });
    else if (rc.view.search !== null) rc.search.close();
    rc.pointer.move(null, null);
  }

  function inGrid(event) {
    const picture = event.target instanceof Element ? event.target.closest(".block-cells") : null;
    if (!picture) return false;
    const layer = Number(picture.dataset.layer);
    const at = rc.pointer.at && rc.pointer.at.layer === layer ? rc.pointer.at : { layer, filter: 0 };
    if (event.key.startsWith("Arrow")) rc.pointer.focusFilter(rc.grid.step(at, event.key));
    else if (event.key === "Enter") rc.pointer.pin(at);
    else if (event.key === "c" || event.key === "C") rc.openLayer(layer);
    else if (event.key === "r" || event.key === "R") rc.clusterPanel.selectOf(at);
    else return false;
    return true;
  }

  const EVERYWHERE = {
    ArrowLeft: () => rc.poll.by(-1),
    ArrowRight: () => rc.poll.by(1),
    Home: () => rc.poll.goTo(0),
    End: () => rc.poll.live(),
    " ": () => rc.poll.toggle(),
    m: () => rc.poll.nextMisclassified(),
    M: () => rc.poll.nextMisclassified(),
    o: () => rc.deviations.nextOdd(),
    O: () => rc.deviations.nextOdd(),
    d: () => rc.deviations.toggle(),
    D: () => rc.deviations.toggle(),
    f: () => rc.filterPages.open(),
    F: () => rc.filterPages.open(),
    "/": () => rc.search.start(),
    n: () => rc.search.step(1),
    N: () => rc.search.step(1),
    p: () => rc.search.step(-1),
    P: () => rc.search.step(-1),
  };

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      // The first one leaves a field of the search, so that no word is lost with it.
      if (typing(event.target) && event.target.closest("#search")) rc.byId("strip").focus();
      else if (!(event.target instanceof Element && event.target.closest("[role=dialog]"))) escape();
      return;
    }
    if (typing(event.target)) return;
    if (event.key === " " && pressing(event.target)) return;
    if (event.key.startsWith("Arrow") && choosing(event.target)) return;
    if (inGrid(event)) {
      event.preventDefault();
      return;
    }
    const action = EVERYWHERE[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  }

  rc.listenToKeys = () => document.addEventListener("keydown", onKey);
})();
