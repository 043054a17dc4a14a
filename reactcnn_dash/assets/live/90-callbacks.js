/* The functions that Dash calls (see callbacks/*.py), and the start of the page. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const none = () => window.dash_clientside.no_update;
  let started = false;

  /** Bring everything on the page in line with the view. */
  rc.applyView = function () {
    rc.deviations.drawControls();
    rc.clusterPanel.drawControls();
    rc.grid.openLayer(rc.layerIndex(rc.view.layer));
    rc.clusterPanel.showSelection();
    rc.pointer.refresh();
    rc.clusterPanel.pump();
    rc.deviations.pump();
    rc.search.drawControls();
    rc.search.refresh();
  };

  function start() {
    if (started || !rc.byId("grid")) return;
    started = true;
    rc.pointer.listen();
    rc.listenToKeys();
    rc.onScheme(() => {
      rc.grid.repaint();
      rc.pointer.refresh();
      rc.drawLegend(null);
    });
    new ResizeObserver(() => rc.grid.layout()).observe(rc.byId("grid"));
    document.addEventListener("visibilitychange", () => {
      rc.poll.pump();
      rc.deviations.pump();
    });
    rc.setProps("scale", { value: rc.view.scale });
    rc.setProps("view", { data: rc.view });
    rc.poll.pump();
  }

  /** Dash wants a value from every clientside function; these only act. */
  const act = (action) =>
    function (value) {
      start();
      if (value !== null && value !== undefined) action(value);
      return none();
    };

  /** Like `act`, for controls that can be emptied: null is what somebody chose. */
  const choose = (action) =>
    function (value) {
      start();
      if (rc.shown.model) action(value === "" || value === undefined ? null : value);
      return none();
    };

  const number = (value) => (value === null ? null : Math.max(0, Math.trunc(Number(value))));

  rc.offer({
    tick: act((ticks) => rc.poll.tick(ticks)),
    frame: act((frame) => rc.poll.take(frame)),
    view: act(() => {
      if (!rc.shown.model) return;
      rc.applyView();
      rc.poll.pump();
    }),
    chooseRun: act((value) => rc.poll.chooseRun(value)),
    first: act(() => rc.poll.goTo(0)),
    previous: act(() => rc.poll.by(-1)),
    play: act(() => rc.poll.toggle()),
    next: act(() => rc.poll.by(1)),
    last: act(() => rc.poll.live()),
    goTo: act((ordinal) => {
      rc.poll.goTo(ordinal);
      rc.setProps("ordinal", { value: null });
    }),
    nextMisclassified: act(() => rc.poll.nextMisclassified()),
    nextOdd: act(() => rc.deviations.nextOdd()),
    chooseMode: act((mode) => rc.setView({ mode })),
    chooseAgainst: act((against) => rc.setView({ against })),
    chooseRate: act((rate) => rc.setView({ rate })),
    chooseScale: act((scale) => {
      rc.setView({ scale });
      if (!rc.shown.image) return;
      rc.setScale(rc.shown.image);
      rc.grid.repaint();
      rc.drawLegend(null);
    }),
    overlay: act((percent) => rc.picture.setStrength(percent / 100)),
    clusters: act((clusters) => rc.clusterPanel.take(clusters)),
    closePanel: act(() => rc.setView({ layer: null, cluster: null })),
    chooseMethod: act((method) => {
      if (method !== rc.view.method) rc.setView({ method, parameter: null, cluster: null });
    }),
    chooseParameter: act((value) => rc.clusterPanel.chooseParameter(rc.methodOfSlider("parameter"), value)),
    tapNode: act((node) => rc.clusterPanel.select(node.cluster)),
    chooseRow: act((rows) => rc.clusterPanel.chooseRow(rows)),
    hoverNode: (node) => {
      start();
      rc.clusterPanel.hover(node);
      return none();
    },
    chooseSubset: (value) => {
      start();
      rc.subset.choose(value);
      return none();
    },
    toggleSearch: act(() => rc.search.toggle()),
    closeSearch: act(() => rc.search.close()),
    searchLabel: choose((value) => rc.search.choose({ label: number(value) })),
    searchPrediction: choose((value) => rc.search.choose({ predicted: number(value) })),
    searchWrong: act(() => rc.search.choose({ wrong: !rc.search.read(rc.view.search).wrong })),
    searchFirst: choose((value) => rc.search.choose({ from: number(value) })),
    searchLast: choose((value) => rc.search.choose({ to: number(value) })),
    searchOrder: act((order) => rc.search.choose({ order })),
    previousResult: act(() => rc.search.step(-1)),
    nextResult: act(() => rc.search.step(1)),
    clustersOfThese: act(() => rc.subset.ofSearch()),
    exportNpz: act(() => rc.exports.npz()),
    exportParquet: act(() => rc.exports.parquet()),
    exportGraphml: act(() => rc.exports.graphml()),
    exportGraphPng: act(() => rc.exports.graphPng()),
    exportViewPng: act(() => rc.exports.viewPng()),
    graphStyle: (view, style) => rc.clusterPanel.style(style),
  });
})();
