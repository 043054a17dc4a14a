/* A run as the table shows it: values to sort and filter by, and how they are written. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const rows = (rc.runRows = {});

  const SHORT = 7;
  const UNITS = ["KB", "MB", "GB", "TB"];

  /** 1.2 GB, 340 MB, 12 KB. */
  rows.size = function (bytes) {
    if (bytes < 1000) return `${bytes} B`;
    let value = bytes;
    let unit = -1;
    while (value >= 999.5 && unit < UNITS.length - 1) {
      value /= 1000;
      unit += 1;
    }
    return `${value < 9.95 ? value.toFixed(1) : rc.count(Math.round(value))} ${UNITS[unit]}`;
  };

  /** 3 d 4 h, 1 h 02 min, 5 min 12 s, 8 s. */
  rows.duration = function (seconds) {
    const whole = Math.round(seconds);
    const [days, hours] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24];
    const [minutes, rest] = [Math.floor(whole / 60) % 60, whole % 60];
    const two = (n) => String(n).padStart(2, "0");
    if (days) return `${days} d ${hours} h`;
    if (hours) return `${hours} h ${two(minutes)} min`;
    return minutes ? `${minutes} min ${two(rest)} s` : `${rest} s`;
  };

  const TIME = new Intl.DateTimeFormat("en-GB", {
    day: "2-digit",
    month: "short",
    year: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });

  rows.time = (date) => TIME.format(date).replace(",", "");

  /** A run that waits for its turn to be deleted is silent, but not forgotten. */
  const stateText = (row, deleting) =>
    row.state === "half deleted" && deleting.has(row.id) ? "deleting" : row.state;

  const GOING = new Set(["deleting", "half deleted"]);

  /** The row of a run, from what the server says of it; `deleting`: ids that the server is at. */
  rows.prepare = function (row, deleting) {
    const weights = row.sha256.slice(0, SHORT);
    return {
      ...row,
      key: String(row.id),
      checkpointText: `${row.model} · ${weights} · ${row.checkpoint}`,
      checkpointTip: `${row.model}, weights ${row.sha256}, from ${row.checkpoint}`,
      percent: row.accuracy === null ? null : 100 * row.accuracy,
      stateText: stateText(row, deleting),
      startedAt: new Date(row.started),
      minutes: row.seconds / 60,
      megabytes: row.bytes / 1e6,
      tagText: row.tags.join(", "),
    };
  };

  rows.images = (row) =>
    row.total === null || row.total === row.stored || GOING.has(row.state)
      ? rc.count(row.stored)
      : `${rc.count(row.stored)} of ${rc.count(row.total)}`;

  /** The tags in what a person wrote. */
  rows.tags = (text) => (text || "").split(",").map((tag) => tag.trim()).filter(Boolean);

  rows.writable = (row) => !GOING.has(row.state);
})();
