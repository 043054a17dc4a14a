/* The view says what a person looks at. It lives in one object, is mirrored into the dcc.Store
   `view` for the callbacks and into the address bar, so that every view has a link.

     run        id of the run, or null for the newest
     image      ordinal, or null to follow live
     layer      name of the layer whose clusters are open, or null
     filter     pinned filter as "layer:index", or null
     cluster    number of the cluster that is red, or null
     method     clustering method; parameter: its γ or τ (null: what suits the layer)
     mode       what the colours show: "gap" or "deviation"
     scale      "layer" or "network"
     against    the images behind a deviation: "run", or "class" for those of the predicted class
     rate       false alarms at which an image is odd
     search     the open search as 66-search.js writes it, or null
     subset     the images behind the clusters, written likewise, or null for the whole run
*/
(function () {
  "use strict";

  const rc = window.reactcnn;

  const NAMES = [
    "run",
    "image",
    "layer",
    "filter",
    "cluster",
    "method",
    "parameter",
    "mode",
    "scale",
    "against",
    "rate",
    "search",
    "subset",
  ];
  const NUMBERS = new Set(["run", "image", "cluster", "parameter"]);
  const DEFAULTS = { method: "louvain", mode: "gap", scale: "layer", against: "run", rate: "0.01" };
  const CHOICES = { mode: ["gap", "deviation"], against: ["run", "class"], rate: ["0.001", "0.01", "0.05"] };

  function fromAddress() {
    const query = new URLSearchParams(window.location.search);
    const view = {};
    for (const name of NAMES) {
      const text = query.get(name);
      const unknown = text === null || text === "" || (CHOICES[name] && !CHOICES[name].includes(text));
      if (unknown) view[name] = DEFAULTS[name] ?? null;
      else if (!NUMBERS.has(name)) view[name] = text;
      else view[name] = Number.isFinite(Number(text)) ? Number(text) : null;
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

  /** Change the view; everything else follows from the `view` callback. */
  rc.setView = function (change) {
    const next = { ...rc.view, ...change };
    if (NAMES.every((name) => next[name] === rc.view[name])) return;
    rc.view = next;
    window.history.replaceState(null, "", toAddress(next));
    rc.setProps("view", { data: next });
  };

  window.addEventListener("popstate", function () {
    rc.view = fromAddress();
    rc.setProps("view", { data: rc.view });
  });

  /** What is on the page: filled from frames, read by everybody. */
  rc.shown = { run: null, model: null, image: null };

  rc.layerIndex = (name) =>
    rc.shown.model ? rc.shown.model.layers.findIndex((layer) => layer.name === name) : -1;

  /** A pinned filter's text → {layer, filter} as indices, or null. */
  rc.parseFilter = function (text) {
    if (!text || !rc.shown.model) return null;
    const at = text.lastIndexOf(":");
    const layer = rc.layerIndex(text.slice(0, at));
    const filter = Number(text.slice(at + 1));
    if (layer < 0 || !(filter >= 0 && filter < rc.shown.model.layers[layer].filters)) return null;
    return { layer, filter };
  };

  rc.filterText = ({ layer, filter }) => `${rc.shown.model.layers[layer].name}:${filter}`;

  rc.address = ({ layer, filter }) => `${rc.shown.model.layers[layer].name} · filter ${filter}`;
})();
