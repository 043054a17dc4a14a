/* Cells of the table of runs, by the names that its columns call them (see runs_layout.py). */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const h = (...parts) => React.createElement(...parts);

  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, {
    runImages: ({ data }) => rc.runRows.images(data),
    runPercent: ({ value }) => (value === null ? "" : `${value.toFixed(1)} %`),
    runOdd: ({ value }) => (value === null ? "–" : rc.count(value)),
    runTime: ({ value }) => rc.runRows.time(value),
    runDuration: ({ data }) => rc.runRows.duration(data.seconds),
    runSize: ({ data }) => rc.runRows.size(data.bytes),
    runWritable: (row) => rc.runRows.writable(row),
    /** Keys that mean something else here than in the grid. */
    runKey: ({ event, editing }) => !editing && (event.key === "Delete" || event.key === "Backspace"),
  });

  window.dashAgGridComponentFunctions = Object.assign(window.dashAgGridComponentFunctions || {}, {
    /** A run's name, which opens it. */
    RunName: ({ value, data }) =>
      h("a", { className: "run-link", href: rc.runsTable.link(data), title: `Open ${value}`, tabIndex: -1 }, value),

    RunState: ({ value, data }) =>
      h(
        "span",
        { className: "state", "data-state": value },
        value === "deleting" ? `deleting · ${rc.count(data.stored)}` : value,
      ),

    RunTags: ({ value }) =>
      h(
        "span",
        { className: "run-tags" },
        rc.runRows.tags(value).map((tag) => h("span", { className: "run-tag", key: tag }, tag)),
      ),
  });
})();
