/* The functions that Dash calls (see callbacks/compare.py), and the start of the page. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  let started = false;

  /** Draw everything that depends on the view alone. */
  function drawView() {
    const { found } = rc.compared;
    rc.picking.draw();
    rc.picking.drawEmpty();
    const app = rc.byId("app");
    app.dataset.tab = rc.view.tab;
    app.classList.toggle("with-comparison", Boolean(found));
    rc.show("compare-tab", rc.view.tab);
    if (!found) return;
    rc.markLayer();
    rc.drawChanged();
    rc.drawFilters();
  }

  /** Another comparison, or none. */
  function takeComparison(found) {
    rc.forgetChanged();
    rc.forgetFilters();
    rc.drawHead(found);
    rc.fillLayers(found);
    drawView();
    rc.drawMatrix();
    rc.drawPair();
    document.title = found ? `${found.a.name} → ${found.b.name} · ReactCNN` : "Compare · ReactCNN";
  }

  function follow() {
    drawView();
    rc.drawPair();
    rc.compare(takeComparison);
    rc.askExperiment();
  }

  async function start() {
    started = true;
    rc.onView(follow);
    rc.listenToKeys();
    rc.onScheme(() => {
      rc.drawMatrix();
      rc.paintPair();
      rc.drawCurves();
    });
    const watch = (id, drawn) => new ResizeObserver(drawn).observe(rc.byId(id));
    watch("compare-matrix", () => rc.drawMatrix());
    watch("compare-flow", () => rc.drawFlow(true));
    window.addEventListener("resize", () => rc.drawCurves());
    follow();
    try {
      await rc.picking.load();
      drawView();
    } catch (error) {
      rc.notice(error.message);
    }
  }

  /** The page is there once Dash has rendered it. */
  new MutationObserver((_, observer) => {
    if (started || !rc.byId("compare-curves") || !window.dash_clientside.set_props) return;
    observer.disconnect();
    start();
  }).observe(document.documentElement, { childList: true, subtree: true });

  /** Dash wants a value from every clientside function; these only act. */
  const act = (action) =>
    function (value) {
      if (started && value !== null && value !== undefined) action(value);
      return window.dash_clientside.no_update;
    };

  /** The same for a control whose value the page sets, too. */
  const choose = (id, action) => act((value) => rc.isChoice(id, value) && action(value));

  rc.offer({
    compareMode: choose("compare-mode", (mode) => rc.picking.mode(mode)),
    compareA: choose("compare-a", (value) => rc.picking.run("a", value)),
    compareB: choose("compare-b", (value) => rc.picking.run("b", value)),
    compareSwap: act(() => rc.picking.swap()),
    compareExperiment: choose("compare-experiment", (experiment) => {
      if (rc.view.experiment !== null) rc.setView({ experiment });
    }),
    compareAgainst: choose("compare-against", (against) => rc.setView({ against })),
    compareMethod: choose("compare-method", (method) => rc.picking.method(method)),
    compareParameter: act((value) => {
      const method = rc.methodOfSlider("compare-parameter");
      if (rc.isChoice(`compare-parameter-${method}`, value)) rc.picking.parameter(method, value);
    }),
    compareLayerRow: act((rows) => rc.chooseLayerRow(rows)),
    compareTab: choose("compare-tab", (tab) => rc.setView({ tab })),
    compareKind: choose("compare-kind", (kind) => rc.setView({ kind, page: 1 })),
    compareBack: act(() => rc.setView({ image: null })),
    comparePrevious: act(() => rc.stepPair("previous")),
    compareNext: act(() => rc.stepPair("next")),
    compareShown: choose("compare-shown", (shown) => rc.setView({ shown })),
    compareScale: choose("scale", (scale) => rc.setView({ scale })),
  });
})();
