/* Which filter a person looks at; it stands in the address bar, so that every filter has a link.

     run      id of the run, or null for the newest
     layer    name of the layer, or null for the first
     filter   number of the filter
*/
(function () {
  "use strict";

  const rc = window.reactcnn;
  const listeners = [];

  function fromAddress() {
    const query = new URLSearchParams(window.location.search);
    const whole = (name) => (/^\d{1,9}$/.test(query.get(name) || "") ? Number(query.get(name)) : null);
    return { run: whole("run"), layer: query.get("layer") || null, filter: whole("filter") ?? 0 };
  }

  rc.view = fromAddress();

  /** Look at another filter; the browser's "back" leads to the one before. */
  rc.setView = function (change) {
    const next = { ...rc.view, ...change };
    if (Object.keys(next).every((name) => next[name] === rc.view[name])) return;
    rc.view = next;
    window.history.pushState(null, "", rc.filterPage(next.run, next.layer, next.filter));
    for (const listener of listeners) listener();
  };

  rc.onView = (listener) => listeners.push(listener);

  window.addEventListener("popstate", function () {
    rc.view = fromAddress();
    for (const listener of listeners) listener();
  });

  /** A filter's address as a person copies it. */
  rc.addressOf = (layer, filter) => `${layer}:${filter}`;

  /** A link to another filter's page; of this run it is opened without loading the page anew. */
  rc.filterLink = function (run, layer, filter, attributes, ...children) {
    const link = rc.element("a", { href: rc.filterPage(run, layer, filter), ...attributes }, ...children);
    link.addEventListener("click", function (event) {
      if (event.ctrlKey || event.metaKey || event.shiftKey || run !== rc.facts.run.id) return;
      event.preventDefault();
      rc.setView({ run, layer, filter });
    });
    return link;
  };
})();
