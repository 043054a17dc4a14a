/* Asking the server, again and again while the answer is worked out. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const AGAIN_MS = 200;
  const HIDDEN_MS = 2000;

  /** Ask one of the routes of redundancy/routes.py; rejects with what is wrong. */
  rc.ask = async function (path, values) {
    let answer;
    try {
      answer = await fetch(`/redundancies/${path}?${new URLSearchParams(values)}`);
    } catch {
      throw new Error("The server does not answer. Is it still running? Then load this page again.");
    }
    if (!answer.ok) throw new Error(`The server failed (${answer.status}); its log says why.`);
    const said = await answer.json();
    if (said.state === "refused") throw new Error(said.message);
    return said;
  };

  rc.pause = (ms) => new Promise((done) => window.setTimeout(done, ms));

  /** Ask until the answer is whole: null once `still()` says that nobody waits for it. */
  rc.askUntilDone = async function (path, values, still, running) {
    for (;;) {
      const said = await rc.ask(path, values);
      if (!still()) return null;
      if (said.state !== "running") return said;
      running(said);
      await rc.pause(document.hidden ? HIDDEN_MS : AGAIN_MS);
      if (!still()) return null;
    }
  };

  /** A bar that says how far the work is. */
  rc.progressBar = function (waiting, text, label) {
    const share = waiting.total && !waiting.behind ? Math.round((100 * waiting.done) / waiting.total) : 0;
    const fill = rc.element("span", { class: "progress-fill" });
    fill.style.width = `${share}%`;
    const track = rc.element(
      "span",
      { class: "progress-track", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": share, "aria-label": label },
      fill,
    );
    const words = waiting.behind ? "Waiting for other work to end …" : text;
    return [rc.element("span", { class: "progress-text" }, words), track];
  };

  rc.r = (value) => (value === null ? "–" : value.toFixed(2).replace("-", "−"));

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
