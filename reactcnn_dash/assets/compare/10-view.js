/* What a person looks at on this page; it stands in the address bar, so that every view has a link.

     a, b         ids of the runs
     experiment   name of an experiment instead of runs; "" while none is picked
     against      what its epochs are compared with: "last", "previous" or "first"
     method       clustering method; parameter: its γ or τ (null: what suits the layer)
     layer        name of the chosen layer, or null for the first
     tab          "images", "filters" or "flow"
     kind         which changed images: "all", "corrected", "broken" or "between"; page: from 1
     image        ordinal in run A of the image that is open in both runs, or null
     shown        what its grid shows: "a", "b" or "difference"
     scale        "layer" or "network"
     cluster      what is red in the cluster flow, as "a:3", "b:5" or "a:3>b:5", or null
*/
(function () {
  "use strict";

  const rc = window.reactcnn;

  const NAMES = ["a", "b", "experiment", "against", "method", "parameter", "layer", "tab", "kind", "page", "image", "shown", "scale", "cluster"];
  const NUMBERS = new Set(["a", "b", "parameter", "page", "image"]);
  const DEFAULTS = { against: "last", method: "leiden-cpm", tab: "images", kind: "all", page: 1, shown: "difference", scale: "layer" };
  const listeners = [];

  function fromAddress() {
    const query = new URLSearchParams(window.location.search);
    const view = {};
    for (const name of NAMES) {
      const text = query.get(name);
      if (text === null || (text === "" && name !== "experiment")) view[name] = DEFAULTS[name] ?? null;
      else if (!NUMBERS.has(name)) view[name] = text;
      else view[name] = Number.isFinite(Number(text)) ? Number(text) : (DEFAULTS[name] ?? null);
    }
    return view;
  }

  function toAddress(view) {
    const query = new URLSearchParams();
    for (const name of NAMES) {
      const value = view[name];
      if (value !== null && value !== undefined && value !== DEFAULTS[name]) query.set(name, value);
    }
    const text = query.toString();
    return window.location.pathname + (text ? "?" + text : "");
  }

  rc.view = fromAddress();

  /** What of a view is another picture, to which the browser's "back" should lead. */
  const pictureOf = (view) => JSON.stringify([view.a, view.b, view.experiment, view.image]);

  /** Change the view; everything else follows from the listeners. */
  rc.setView = function (change) {
    const before = rc.view;
    const next = { ...before, ...change };
    if (NAMES.every((name) => next[name] === before[name])) return;
    rc.view = next;
    const write = pictureOf(next) === pictureOf(before) ? "replaceState" : "pushState";
    window.history[write](null, "", toAddress(next));
    for (const listener of listeners) listener();
  };

  /* What each control was told to show, or told us: a value that comes back is no choice. */
  const told = new Map();

  /** Let a control show a value. */
  rc.show = function (id, value) {
    if (told.has(id) && told.get(id) === value) return;
    told.set(id, value);
    rc.setProps(id, { value });
  };

  /** Whether a control's value is a choice, and no echo of what it was told. */
  rc.isChoice = function (id, value) {
    if (told.has(id) && told.get(id) === value) return false;
    told.set(id, value);
    return true;
  };

  rc.onView = (listener) => listeners.push(listener);

  window.addEventListener("popstate", function () {
    rc.view = fromAddress();
    for (const listener of listeners) listener();
  });
})();
