/* The functions that Dash calls (see callbacks/filters.py), and the start of the page. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const SLOW_MS = 400;
  const LOOK_MS = 2000;
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

  /** A run that is collected: bring the page up to date once it has grown enough. */
  async function watch(still) {
    const { renewedAt } = rc.facts.run;
    if (renewedAt === null) return;
    for (;;) {
      await rc.pause(LOOK_MS);
      if (!still()) return;
      if (document.hidden) continue;
      try {
        const now = await rc.ask("run");
        if (!still()) return;
        if (now.stored >= renewedAt || !now.collecting) return follow(true);
      } catch (error) {
        if (still()) rc.notice(error.message);
      }
    }
  }

  /** Bring the page in line with the view. What stands stays until the new is here; `grown` when
      it is the run alone that has changed. */
  async function follow(grown) {
    const mine = ++number;
    const still = () => mine === number;
    rc.notice(null);
    if (!grown) rc.tip(null, null);
    const body = rc.byId("filter-body");
    const slow = window.setTimeout(() => {
      if (!still() || grown) return;
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
      if (!grown) rc.tops.found = null;
      body.hidden = false;
      drawAll();
      rc.tops.load(still, grown);
      rc.loadHistory(still);
      rc.loadClusters(still);
      watch(still);
    } catch (error) {
      if (still()) rc.notice(error.message);
    } finally {
      window.clearTimeout(slow);
      if (still()) body.classList.remove("busy");
    }
  }

  function start() {
    started = true;
    rc.onView(() => follow(false));
    rc.listenToKeys();
    rc.onScheme(() => rc.facts && rc.drawKernel());
    window.addEventListener("resize", () => {
      if (!rc.facts) return;
      rc.drawScatter();
      rc.drawHistory();
    });
    follow(false);
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
