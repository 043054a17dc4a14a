/* The functions that Dash calls (see callbacks/filters.py), and the start of the page. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const SLOW_MS = 400;
  let started = false;
  let number = 0;

  function drawAll() {
    rc.drawHead();
    rc.drawClasses();
    rc.drawNearest();
    rc.drawKernel();
  }

  function showEmpty(empty) {
    rc.showEmpty(rc.byId("empty"), empty, "Looking for images …");
    if (empty) rc.byId("filter-body").hidden = true;
  }

  /** Bring the page in line with the view. What stands stays until the new is here. */
  async function follow() {
    const mine = ++number;
    const still = () => mine === number;
    rc.notice(null);
    rc.tip(null, null);
    const body = rc.byId("filter-body");
    const slow = window.setTimeout(() => {
      if (!still()) return;
      body.classList.add("busy");
      rc.notice("Reading what the store knows of this filter …", "info");
    }, SLOW_MS);
    try {
      const found = await rc.askUntilDone("of", {}, still, ({ empty }) => {
        window.clearTimeout(slow);
        rc.notice(null);
        showEmpty(empty);
      });
      if (!found) return;
      rc.notice(null);
      showEmpty(null);
      rc.facts = found;
      rc.tops.found = null;
      body.hidden = false;
      drawAll();
      rc.tops.load(still);
      rc.loadHistory(still);
      rc.loadClusters(still);
    } catch (error) {
      if (still()) rc.notice(error.message);
    } finally {
      window.clearTimeout(slow);
      if (still()) body.classList.remove("busy");
    }
  }

  function start() {
    started = true;
    rc.onView(follow);
    rc.listenToKeys();
    rc.onScheme(() => rc.facts && rc.drawKernel());
    window.addEventListener("resize", () => {
      if (!rc.facts) return;
      rc.drawScatter();
      rc.drawHistory();
    });
    follow();
  }

  /** The page is there once Dash has rendered it. */
  new MutationObserver((_, observer) => {
    if (started || !rc.byId("filter-clusters") || !window.dash_clientside.set_props) return;
    observer.disconnect();
    start();
  }).observe(document.documentElement, { childList: true, subtree: true });

  /** Dash wants a value from every clientside function; these only act. */
  const act = (action) =>
    function (value) {
      if (started && value !== null && value !== undefined) action(value);
      return window.dash_clientside.no_update;
    };

  /** The controls report back what they are set to: only another place is a choice. */
  function choose(change) {
    if (!rc.facts) return;
    const { run, layers, layer, filter } = rc.facts;
    const now = { layer: rc.view.layer ?? layers[layer][0], filter: rc.view.layer ? rc.view.filter : filter };
    const next = { ...now, ...change };
    if (next.layer !== now.layer || next.filter !== now.filter) rc.setView({ run: run.id, ...next });
  }

  rc.offer({
    filterPrevious: act(() => rc.stepFilter(-1)),
    filterNext: act(() => rc.stepFilter(1)),
    filterLayer: act((layer) => layer !== rc.view.layer && choose({ layer, filter: layer === rc.facts?.layers[rc.facts.layer][0] ? rc.facts.filter : 0 })),
    filterNumber: act((filter) => Number.isInteger(filter) && choose({ filter })),
    filterCopy: act(() => rc.copyAddress()),
    filterOverlay: act(() => rc.tops.toggle()),
  });
})();
