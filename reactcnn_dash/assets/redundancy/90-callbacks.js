/* The functions that Dash calls (see callbacks/redundancy.py), keys, and the start of the page. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  let started = false;

  function draw() {
    rc.page.draw(draw);
    rc.drawLayers();
    rc.drawLayer();
    rc.drawHolding();
    rc.drawPaper();
  }

  function follow() {
    draw();
    rc.page.ask(draw);
  }

  function onKey(event) {
    if (event.key !== "Escape" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof Element && event.target.closest("[role=dialog], [role=listbox], input")) return;
    rc.tip(null, null);
    if (rc.view.cluster !== null) {
      const key = String(rc.view.cluster);
      rc.setView({ cluster: null });
      focusRow("redundancy-layer", key);
    } else if (rc.view.layer !== null) {
      const key = rc.view.layer;
      rc.setView({ layer: null });
      focusRow("redundancy-layers", key);
    }
  }

  /** Who closes something by keyboard goes on where it was. */
  function focusRow(place, key) {
    const row = [...rc.byId(place).querySelectorAll("tr[data-key]")].find((one) => one.dataset.key === key);
    if (!row) return;
    rc.markRows(row.parentElement, key);
    row.setAttribute("aria-selected", "false");
    row.focus();
  }

  async function start() {
    started = true;
    rc.onView(follow);
    rc.onScheme(() => rc.repaintEvidence());
    document.addEventListener("keydown", onKey);
    try {
      await rc.page.loadRuns();
    } catch (error) {
      rc.notice(error.message);
      return;
    }
    follow();
  }

  /** The page is there once Dash has rendered it. */
  new MutationObserver((_, observer) => {
    if (started || !rc.byId("redundancy-paper") || !window.dash_clientside.set_props) return;
    observer.disconnect();
    start();
  }).observe(document.documentElement, { childList: true, subtree: true });

  /** Dash wants a value from every clientside function; these only act. */
  const act = (action) =>
    function (value) {
      if (started && value !== null && value !== undefined) action(value);
      return window.dash_clientside.no_update;
    };

  rc.offer({
    redundancyRun: act((value) => rc.page.chooseRun(value)),
    redundancyThreshold: act((value) => rc.page.chooseThreshold(value)),
    redundancyPrint: act(() => window.print()),
  });
})();
