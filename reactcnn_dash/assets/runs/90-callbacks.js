/* The functions that Dash calls (see callbacks/runs_table.py), and the start of the page. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const none = () => window.dash_clientside.no_update;

  const WRITE = { "runs-rename": "name", "runs-tag": "tagText", "runs-annotate": "note" };

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    if (!(target instanceof Element) || target.closest("input, textarea, [role=dialog]")) return;
    if (event.key === "/") {
      event.preventDefault();
      rc.byId("runs-find").focus();
    } else if (event.key === "Delete") {
      rc.runsDeletion.ask();
    }
  }

  /** Ctrl-Enter on a row opens it, as a click on its name does. */
  function onGridKey({ event, data, api }) {
    if (event.key === "Enter" && event.ctrlKey && !api.getEditingCells().length) {
      window.location.assign(rc.runsTable.link(data));
    }
  }

  function start(api) {
    rc.runsTable.listen(api);
    api.addEventListener("cellValueChanged", rc.runsWrite.changed);
    api.addEventListener("cellEditingStopped", () => rc.runsPoll.pump());
    api.addEventListener("cellKeyDown", onGridKey);
    for (const [id, column] of Object.entries(WRITE)) {
      rc.byId(id).addEventListener("click", () => rc.runsTable.write(column));
    }
    rc.byId("runs-export").addEventListener("click", rc.runsExport);
    rc.byId("runs-delete").addEventListener("click", rc.runsDeletion.ask);
    rc.byId("runs-find").addEventListener("input", (event) => rc.runsTable.find(event.target.value));
    document.addEventListener("keydown", onKey);
    document.addEventListener("visibilitychange", () => rc.runsPoll.pump());
    rc.runsPoll.pump();
  }

  /** Begin as soon as the table stands: the first tick is two seconds away. */
  function begin() {
    if (rc.byId("runs-table") && window.dash_ag_grid) window.dash_ag_grid.getApiAsync("runs-table").then(start);
    else window.requestAnimationFrame(begin);
  }

  /** Dash wants a value from every clientside function; these only act, once the table stands. */
  const act = (action) =>
    function (value) {
      if (rc.runsTable.api && value !== null && value !== undefined) action(value);
      return none();
    };

  rc.offer({
    runsTick: act(() => rc.runsPoll.tick()),
    runsAnswer: act((answer) => rc.runsPoll.take(answer)),
    runsEdited: act((answer) => rc.runsWrite.answered(answer)),
    runsDeleted: act((answer) => rc.runsDeletion.answered(answer)),
    runsConfirmed: act(() => rc.runsDeletion.confirmed()),
    runsSpared: act(() => rc.runsDeletion.spared()),
  });
  begin();
})();
