/* Deleting runs: the question, the answer, and what the server refuses. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const deletion = (rc.runsDeletion = {});

  const NAMED = 8;
  let number = 0;
  let doomed = [];

  const line = (row) =>
    `${row.name}: ${rc.count(row.stored)} ${row.stored === 1 ? "image" : "images"}, ${rc.runRows.size(row.bytes)}`;

  function question(rows, collecting) {
    const lines = rows.slice(0, NAMED).map(line);
    if (rows.length > NAMED) lines.push(`and ${rc.count(rows.length - NAMED)} more`);
    const size = rows.reduce((sum, row) => sum + row.bytes, 0);
    lines.push("");
    if (rows.length > 1) lines.push(`${rc.count(rows.length)} runs, ${rc.runRows.size(size)} in all.`);
    if (rows.some((row) => row.state === "stalled")) {
      lines.push("A stalled run's collector, should it still live, is told to stop.");
    }
    if (collecting.length) {
      lines.push(`Being collected, and therefore kept: ${collecting.map((row) => row.name).join(", ")}.`);
    }
    lines.push("What is deleted cannot be brought back.");
    return lines.join("\n");
  }

  const show = (opened) => rc.setProps("runs-confirm", { opened });

  /** Ask before the chosen runs are deleted. */
  deletion.ask = function () {
    const chosen = rc.runsTable.chosen();
    const collecting = chosen.filter((row) => row.state === "collecting");
    doomed = chosen.filter((row) => row.state !== "collecting");
    if (!chosen.length) return;
    if (!doomed.length) {
      const names = collecting.map((row) => row.name).join(", ");
      rc.notice(`${names} is being collected: stop its collector first, then delete it.`, "warning");
      return;
    }
    rc.setProps("runs-confirm-text", { children: question(doomed, collecting) });
    show(true);
  };

  deletion.confirmed = function () {
    show(false);
    number += 1;
    rc.setProps("runs-doomed", { data: { number, ids: doomed.map((row) => row.id) } });
  };

  deletion.spared = () => show(false);

  /** The server began to delete, all or some. */
  deletion.answered = function ({ refused }) {
    rc.notice(refused.length ? `Not deleted: ${refused.join("; ")}.` : null);
    rc.runsPoll.now();
  };
})();
