/* The keyboard: walk through the filters, copy, overlay, live. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  const typing = (node) =>
    node instanceof Element && node.closest("input, textarea, select, [contenteditable], [role=listbox], [role=dialog]") !== null;

  const ACTIONS = {
    ArrowLeft: () => rc.stepFilter(-1),
    ArrowRight: () => rc.stepFilter(1),
    c: () => rc.copyAddress(),
    o: () => rc.tops.toggle(),
    l: () => rc.facts && window.location.assign(rc.byId("filter-live").href),
  };

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const action = ACTIONS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  rc.listenToKeys = () => document.addEventListener("keydown", onKey);
})();
