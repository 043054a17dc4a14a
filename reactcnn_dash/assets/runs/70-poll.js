/* Looking at the list of runs: one request at a time, none while the page is hidden or while a
   person writes in the table. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const poll = (rc.runsPoll = {});

  const LATE_MS = 15000;
  const SILENT_MS = 6000;
  let number = 0;
  let busy = false;
  let askedAt = 0;
  let version = null;
  let heard = null;
  let silent = false;
  let again = false;

  function ask(now) {
    number += 1;
    busy = true;
    askedAt = Date.now();
    rc.setProps("runs-request", { data: { number, version, heard, now } });
  }

  /** Ask if nothing is under way. A tick that would pile up is left out. */
  poll.pump = function () {
    if (document.hidden || rc.runsTable.editing()) return;
    if (!busy || Date.now() - askedAt > LATE_MS) ask(false);
  };

  /** Ask at once, for what this page itself has changed. */
  poll.now = function () {
    if (busy) again = true;
    else ask(true);
  };

  poll.tick = function () {
    if (busy && Date.now() - askedAt > SILENT_MS && !document.hidden) {
      silent = true;
      rc.notice("The server does not answer. This page goes on trying.");
    }
    poll.pump();
  };

  function takeEmpty(empty) {
    rc.byId("app").classList.toggle("without-runs", Boolean(empty));
    rc.showEmpty(rc.byId("empty"), empty || null, "Waiting for runs");
    if (empty) version = null;
  }

  function takeNews(news) {
    const failed = news.filter((one) => one.failed);
    const said = failed.length ? failed : news;
    if (said.length) rc.notice(said.map((one) => one.text).join(" "), failed.length ? "error" : "info");
  }

  /** Take in the answer to a poll. */
  poll.take = function (answer) {
    if (answer.asked !== number) return;
    busy = false;
    if (silent) rc.notice(null);
    silent = false;
    if (answer.notice) {
      silent = true;
      rc.notice(answer.notice);
    }
    // Kept back while a person writes: the next answer says it again.
    if (answer.rows && !rc.runsTable.editing()) {
      version = answer.version;
      rc.runsTable.take(answer);
    }
    if (!answer.notice) takeEmpty(answer.empty);
    takeNews(answer.news);
    heard = answer.heard;
    if (again) {
      again = false;
      ask(true);
    }
  };
})();
