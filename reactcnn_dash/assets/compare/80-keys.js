/* The keyboard: swap, step through the changed images, and Escape. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  const typing = (node) =>
    node instanceof Element &&
    node.closest("input, textarea, select, [contenteditable], [role=slider], [role=radiogroup], [role=dialog], .ag-root") !== null;

  function escape() {
    if (rc.view.image !== null) rc.setView({ image: null });
    else if (rc.view.cluster !== null) rc.setView({ cluster: null });
    rc.tip(null, null);
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (!(event.target instanceof Element && event.target.closest("[role=dialog], [role=listbox], input:not([type=radio])"))) escape();
      return;
    }
    if (typing(event.target)) return;
    const open = rc.view.image !== null;
    if (open && event.key === "ArrowLeft") rc.stepPair("previous");
    else if (open && event.key === "ArrowRight") rc.stepPair("next");
    else if ((event.key === "s" || event.key === "S") && rc.view.experiment === null) rc.picking.swap();
    else return;
    event.preventDefault();
  }

  rc.listenToKeys = () => document.addEventListener("keydown", onKey);
})();
