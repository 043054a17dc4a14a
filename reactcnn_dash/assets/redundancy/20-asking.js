/* Asking for the report, and what its tables share. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  Object.assign(rc, rc.makeAsker("/redundancies"));

  /** Show how far the background process is; null takes the bar away. */
  rc.showWork = function (place, waiting, words, label) {
    const text = waiting && (waiting.behind ? rc.BEHIND : words);
    const share = waiting && waiting.total && !waiting.behind ? waiting.done / waiting.total : 0;
    rc.showProgress(place, text, share, label);
  };

  rc.r = (value) => (value === null ? "–" : value.toFixed(2).replace("-0.00", "0.00").replace("-", "−"));

  /** An r with its interval. */
  rc.interval = ([low, high]) => `${rc.r(low)} to ${rc.r(high)}`;

  /** Let arrow keys walk through a table's rows and Enter choose; one row alone is a tab stop. */
  rc.walkRows = function (body, choose) {
    const rows = () => [...body.children].filter((row) => row.dataset.key !== undefined);
    body.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-key]");
      if (row) choose(row.dataset.key);
    });
    body.addEventListener("keydown", (event) => {
      const row = event.target;
      if (!(row instanceof HTMLElement) || row.dataset.key === undefined) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        const next = rows()[rows().indexOf(row) + step];
        if (next) {
          row.tabIndex = -1;
          next.tabIndex = 0;
          next.focus();
        }
      } else if (event.key === "Enter" || event.key === " ") {
        choose(row.dataset.key);
      } else {
        return;
      }
      event.preventDefault();
    });
  };

  /** Make the chosen row, or else the first, the table's tab stop, and mark it. */
  rc.markRows = function (body, key) {
    const rows = [...body.children].filter((row) => row.dataset.key !== undefined);
    const at = Math.max(0, rows.findIndex((row) => row.dataset.key === key));
    rows.forEach((row, i) => {
      row.tabIndex = i === at ? 0 : -1;
      row.setAttribute("aria-selected", String(row.dataset.key === key));
    });
  };
})();
