/* Addresses of other pages, spelled in one place. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  const address = (path, values) => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) {
      if (value !== null && value !== undefined) query.set(name, value);
    }
    return `${path}?${query}`;
  };

  /** The page of one filter; `layer` is the layer's name. */
  rc.filterPage = (run, layer, filter) => address("/filter/", { run, layer, filter });

  /** The live page; values as 15-view.js names them. */
  rc.livePage = (values) => address("/", values);
})();
