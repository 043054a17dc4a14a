/* What a person looks at on this page; it stands in the address bar, so that every view has a link.

     run        id of the run, or null for the newest
     threshold  τ of the clusters
     layer      name of the open layer, or null
     cluster    number of its open cluster, or null
*/
(function () {
  "use strict";

  const rc = window.reactcnn;

  const NAMES = ["run", "threshold", "layer", "cluster"];
  const DEFAULTS = { threshold: 0.7 };
  const listeners = [];

  function fromAddress() {
    const query = new URLSearchParams(window.location.search);
    const view = {};
    for (const name of NAMES) {
      const text = query.get(name);
      const usable = text !== null && text !== "" && (name === "layer" || Number.isFinite(Number(text)));
      if (!usable) view[name] = DEFAULTS[name] ?? null;
      else view[name] = name === "layer" ? text : Number(text);
    }
    return view;
  }

  function toAddress(view) {
    const query = new URLSearchParams();
    for (const name of NAMES) {
      if (view[name] !== null && view[name] !== DEFAULTS[name]) query.set(name, view[name]);
    }
    const text = query.toString();
    return window.location.pathname + (text ? "?" + text : "");
  }

  rc.view = fromAddress();

  /** Change the view; everything else follows from the listeners. */
  rc.setView = function (change) {
    const before = rc.view;
    const next = { ...before, ...change };
    if (NAMES.every((name) => next[name] === before[name])) return;
    rc.view = next;
    const write = next.run === before.run && next.layer === before.layer ? "replaceState" : "pushState";
    window.history[write](null, "", toAddress(next));
    for (const listener of listeners) listener();
  };

  rc.onView = (listener) => listeners.push(listener);

  window.addEventListener("popstate", function () {
    rc.view = fromAddress();
    for (const listener of listeners) listener();
  });
})();
