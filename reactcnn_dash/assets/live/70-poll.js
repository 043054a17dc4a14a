/* Looking at the store: one request at a time, none while the page is hidden; and taking in what
   comes back. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const LATE_MS = 8000;
  const SILENT_MS = 3000;
  const QUIET_TICKS = 5;
  const READING_MS = 8000;
  const poll = (rc.poll = { playing: false });
  let number = 0;
  let askedAt = 0;
  let busy = false;
  let find = null;
  let runsVersion = "";
  let listedRun = null;
  let readUntil = 0;

  const live = () => rc.view.image === null;
  const collecting = () => rc.shown.run !== null && ["collecting", "stalled"].includes(rc.shown.run.state);

  function ask() {
    const { run, model, image } = rc.shown;
    number += 1;
    busy = true;
    askedAt = Date.now();
    const request = { number, run: rc.view.run, ordinal: rc.view.image };
    if (model) request.seen = { uuid: run.uuid, ordinal: image ? image.ordinal : -1 };
    if (find) {
      request.find = find;
      request.run = run.id;
      request.ordinal = image.ordinal;
      find = null;
    }
    rc.setProps("request", { data: request });
  }

  /** Ask if nothing is under way. A tick that would pile up is left out. */
  poll.pump = function () {
    if (document.hidden || (busy && Date.now() - askedAt < LATE_MS)) return;
    ask();
  };

  /** The page has all that it asked for: is it still what the person wants to see? */
  function behind() {
    const { run, image } = rc.shown;
    if (find) return true;
    if (rc.view.run !== null && (!run || run.id !== rc.view.run)) return true;
    return rc.view.image !== null && image !== null && image.ordinal !== rc.view.image;
  }

  poll.tick = function (ticks) {
    if (busy && Date.now() - askedAt > SILENT_MS && !document.hidden) {
      rc.notice("The server does not answer. This page goes on trying.");
    }
    // Stepping on from an image that is only on its way would end a replay at its first tick.
    if (poll.playing && !busy && rc.shown.run && rc.shown.image && !behind()) step();
    // A run that is over, or an image that is being studied, is looked at less often.
    const quiet = rc.shown.image !== null && !behind() && (!live() || !collecting());
    if (!quiet || ticks % QUIET_TICKS === 0) poll.pump();
    rc.clusterPanel.pump();
    rc.deviations.pump();
  };

  function step() {
    const next = rc.shown.image.ordinal + 1;
    if (next < rc.shown.run.stored) rc.setView({ image: next });
    else {
      poll.playing = false;
      rc.setView({ image: null });
      drawTime();
    }
  }

  const pause = () => {
    poll.playing = false;
  };

  /** Go to an ordinal, kept inside the run. */
  poll.goTo = function (ordinal) {
    const { run } = rc.shown;
    if (!run || !run.stored) return;
    pause();
    rc.setView({ image: Math.max(0, Math.min(run.stored - 1, Math.trunc(ordinal))) });
    drawTime();
  };

  poll.by = (step_) => rc.shown.image && poll.goTo((rc.view.image ?? rc.shown.image.ordinal) + step_);

  poll.live = function () {
    pause();
    rc.setView({ image: null });
    drawTime();
  };

  /** Pause when images are moving; otherwise play on from here, and follow live at the end. */
  poll.toggle = function () {
    const { image, run } = rc.shown;
    if (!image) return;
    if (poll.playing || (live() && collecting())) poll.goTo(image.ordinal);
    else {
      const atEnd = image.ordinal >= run.stored - 1;
      if (atEnd && collecting()) poll.live();
      else {
        poll.playing = true;
        rc.setView({ image: atEnd ? 0 : image.ordinal });
        drawTime();
      }
    }
  };

  poll.nextMisclassified = function () {
    if (!rc.shown.image) return;
    if (!rc.shown.run.labelled) {
      rc.notice("The images of this run have no labels, so nothing tells which are misclassified.", "info");
      return;
    }
    pause();
    find = "next-misclassified";
    poll.pump();
  };

  function decodeCodes(text) {
    const bytes = atob(text);
    const codes = new Uint8Array(bytes.length);
    for (let i = 0; i < bytes.length; i++) codes[i] = bytes.charCodeAt(i);
    return codes;
  }

  function drawHeader(run) {
    const state = rc.byId("run-state");
    state.dataset.state = run.state;
    rc.setText("run-state", run.state);
    const parts = [run.total ? `${rc.count(run.stored)} of ${rc.count(run.total)} images` : `${rc.count(run.stored)} images`];
    if (run.rate !== null && run.state === "collecting") parts.push(`${run.rate.toFixed(1)} a second`);
    if (run.labelled) parts.push(`${((100 * run.correct) / run.labelled).toFixed(1)} % right`);
    rc.setText("run-counts", parts.join(" · "));
    rc.byId("run-counts").title = `${run.model}, checkpoint ${run.checkpoint}, images: ${run.source}`;
    const version = `${run.latest}:${run.id}:${run.state}`;
    if (version !== runsVersion) {
      runsVersion = version;
      rc.setProps("runs-version", { data: version });
    }
    if (listedRun !== String(run.id)) {
      listedRun = String(run.id);
      rc.setProps("run-select", { value: listedRun });
    }
    rc.byId("app").classList.toggle("unlabelled", !run.labelled);
    document.title = `${run.name} · ReactCNN`;
  }

  function drawTime() {
    const { run, image } = rc.shown;
    if (!run) return;
    const moving = poll.playing || (live() && collecting());
    const play = rc.byId("play");
    play.firstElementChild.className = `icon icon-${moving ? "pause" : "play"}`;
    play.classList.toggle("live", live() && collecting());
    play.setAttribute("aria-label", moving ? "Pause" : "Play on, or follow live");
    play.title = `${moving ? "Pause" : "Play on, or follow live"} (Space)`;
    rc.byId("misclassified").disabled = run.labelled === run.correct;
    rc.slider.show(run, image);
    if (image) rc.byId("ordinal").placeholder = `${image.ordinal} / ${run.stored - 1}`;
  }

  function drawEmpty(empty) {
    rc.byId("app").classList.toggle("without-images", Boolean(empty));
    rc.showEmpty(rc.byId("empty"), empty, "Waiting for images");
  }

  function takeImage(image) {
    image.codes = decodeCodes(image.gap);
    rc.shown.image = image;
    rc.setScale(image);
    rc.deviations.takeImage();
    rc.paintGrid();
    rc.picture.show();
    rc.drawLegend(rc.pointer.at ? rc.pointer.at.layer : null);
    rc.pointer.refresh();
  }

  function takeModel(frame) {
    rc.shown.image = null;
    rc.shown.model = frame.model;
    // The grid is measured before it is built, so its place has to be in the page.
    rc.byId("app").classList.remove("without-images");
    rc.grid.build(frame.model);
    rc.applyView();
  }

  function message(frame) {
    if (frame.gone) {
      readUntil = Date.now() + READING_MS;
      return rc.notice(`${frame.notice}. This is the newest run.`, "warning");
    }
    if (frame.notice) return rc.notice(frame.notice);
    if (frame.info) return rc.notice(frame.info, "info");
    const { image } = rc.shown;
    if (frame.image && !image.finite) {
      return rc.notice(
        "Some activations of this image are NaN or infinite: amber in the grid, and kept out of correlations.",
        "warning",
      );
    }
    // An information stays until the next image; an error until a frame comes without one.
    const { kind } = rc.byId("notice").dataset;
    // Who follows a live run must have the time to read it, too.
    const unread = kind === "info" && rc.view.image === null && rc.noticeAge() < READING_MS;
    const over = kind === "error" || (frame.image && !unread);
    if (over && Date.now() > readUntil) rc.notice(null);
    return undefined;
  }

  /** Take in the answer to a poll. */
  poll.take = function (frame) {
    if (!frame || (frame.asked !== undefined && frame.asked !== number)) return;
    busy = false;
    if (frame.gone) rc.setView({ run: null, image: null });
    if (frame.run) {
      rc.shown.run = frame.run;
      drawHeader(frame.run);
      drawEmpty(frame.empty || null);
      if (frame.model) takeModel(frame);
      if (frame.found !== undefined) rc.setView({ image: frame.found });
      if (frame.image) takeImage(frame.image);
      drawTime();
    } else if (frame.empty) {
      rc.shown = { run: null, model: null, image: null };
      drawEmpty(frame.empty);
    }
    message(frame);
    rc.clusterPanel.pump();
    rc.deviations.pump();
    if (rc.shown.model) rc.search.refresh();
    if (frame.run && behind()) poll.pump();
  };

  /** Another run was chosen in the list. */
  poll.chooseRun = function (value) {
    if (!value || value === listedRun) return;
    listedRun = value;
    pause();
    rc.setView({ run: Number(value), image: null, filter: null, cluster: null, subset: null });
    poll.pump();
  };
})();
