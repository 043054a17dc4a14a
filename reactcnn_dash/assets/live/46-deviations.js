/* Deviations: asking what is usual for a run and how an image deviates from it. One question at a
   time, none while the page is hidden; while the mode is off only what is stored, once a run. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const STOOD_MS = 100;
  const SOON_MS = 500;
  const AGAIN_MS = 2000;
  const deviations = (rc.deviations = { run: null, image: null, status: null });
  let asking = false;
  let lookedFor = null;
  let runFor = null;
  let runDue = 0;
  let imageDue = 0;
  let sought = null;

  rc.deviating = () => rc.view.mode === "deviation";

  const collecting = () => ["collecting", "stalled"].includes(rc.shown.run.state);

  const runKey = () => (rc.shown.run ? `${rc.shown.run.uuid}?rate=${rc.view.rate}` : null);

  function imageKey() {
    const { run, image } = rc.shown;
    return run && image ? `${run.uuid}/images/${image.ordinal}?rate=${rc.view.rate}&against=${rc.view.against}` : null;
  }

  async function read(address) {
    try {
      const answer = await fetch(`/deviations/${address}`);
      if (!answer.ok) throw new Error(answer.statusText);
      return await answer.json();
    } catch (error) {
      return { status: "failed", message: `What stands out could not be read: ${error.message}. This page goes on trying.` };
    }
  }

  async function put({ address, still, take }) {
    asking = true;
    const answer = await read(address);
    asking = false;
    if (still()) take(answer);
    deviations.pump();
  }

  function decoded(text) {
    return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  }

  function draw() {
    rc.paintGrid();
    rc.drawLegend(null);
    rc.pointer.refresh();
    rc.sliderMarks.draw();
    rc.standingOut.draw();
  }

  /** When to ask again of a run that is not ready; a refusal lasts until the run grows. */
  function later(answer) {
    if (answer.status === "running") return Date.now() + SOON_MS;
    return answer.status === "failed" || collecting() ? Date.now() + AGAIN_MS : Infinity;
  }

  function takeRun(key, answer) {
    const { run } = rc.shown;
    if (answer.status === "done") {
      // A new profile has other deviations.
      if (deviations.run?.uuid === run.uuid && deviations.run.profiled !== answer.profiled) deviations.image = null;
      deviations.run = { ...answer, key, uuid: run.uuid };
      deviations.status = null;
      runDue = answer.working || collecting() ? Date.now() + AGAIN_MS : Infinity;
    } else if (answer.status !== "none") {
      runDue = later(answer);
      const before = deviations.status;
      deviations.status = answer;
      if (answer.message && before?.message !== answer.message) rc.notice(answer.message, answer.status === "refused" ? "info" : "error");
    }
    draw();
  }

  function runQuestion() {
    const key = runKey();
    const still = () => key === runKey();
    const take = (answer) => takeRun(key, answer);
    if (!rc.deviating()) {
      if (collecting() || lookedFor === key || deviations.run?.key === key) return null;
      lookedFor = key;
      return { address: `${key}&stored=1`, still, take };
    }
    if (runFor === key && Date.now() < runDue) return null;
    if (runFor !== key) deviations.status = null;
    runFor = key;
    return { address: key, still: () => still() && rc.deviating(), take };
  }

  function takeAnswer(key, uuid, ordinal, answer) {
    if (answer.status === "running") {
      imageDue = later(answer);
      return;
    }
    const codes = answer.codes ? decoded(answer.codes) : null;
    deviations.image = { ...answer, key, uuid, ordinal, codes };
    if (answer.message) rc.notice(answer.message, answer.status === "refused" ? "info" : "error");
    draw();
  }

  function imageQuestion() {
    const key = imageKey();
    const { run, image } = rc.shown;
    if (!rc.deviating() || !key || deviations.run?.uuid !== run.uuid) return null;
    if (deviations.image?.key === key || Date.now() < imageDue) return null;
    return {
      address: key,
      still: () => key === imageKey() && rc.deviating(),
      take: (answer) => takeAnswer(key, run.uuid, image.ordinal, answer),
    };
  }

  function goNext(ordinal) {
    sought = null;
    if (ordinal === null) rc.notice("No odd image after this one; Home starts over.", "info");
    else rc.poll.goTo(ordinal);
  }

  function takeNext(answer) {
    if (answer.status === "done") return goNext(answer.image);
    if (answer.status === "running") {
      sought.due = later(answer);
      return rc.notice(`Looking for odd images: ${rc.standingOut.progress(answer)}`, "info");
    }
    sought = null;
    return rc.notice(answer.message, answer.status === "refused" ? "info" : "error");
  }

  function nextQuestion() {
    if (!sought || Date.now() < sought.due) return null;
    const { key, image, after } = sought;
    // Whoever went elsewhere meanwhile does not want to be taken away.
    const still = () => sought !== null && key === runKey() && image === rc.view.image;
    if (!still()) {
      sought = null;
      return null;
    }
    const [uuid, rate] = key.split("?");
    return { address: `${uuid}/next?${rate}&after=${after}`, still, take: takeNext };
  }

  /** Ask the next question, if one is due and none is under way. */
  deviations.pump = function () {
    if (asking || document.hidden || !rc.shown.run) return;
    const question = nextQuestion() || runQuestion() || imageQuestion();
    if (question) put(question);
  };

  /** Another image is on the page: it is asked about once it has stood for a moment. */
  deviations.takeImage = function () {
    if (!rc.deviating()) return;
    rc.standingOut.draw();
    if (asking) return;
    imageDue = Date.now() + STOOD_MS;
    window.setTimeout(deviations.pump, STOOD_MS);
  };

  /** What is known of the run on the page at the chosen rate, or null. */
  deviations.ofRun = () => (deviations.run && deviations.run.key === runKey() ? deviations.run : null);

  /** What is known of the image on the page, or null. */
  deviations.ofImage = () => (deviations.image && deviations.image.key === imageKey() ? deviations.image : null);

  /** Go to the next odd image; which ones are odd is found out if need be. */
  deviations.nextOdd = function () {
    const { image } = rc.shown;
    if (!image) return;
    const after = rc.view.image ?? image.ordinal;
    const known = deviations.ofRun();
    if (known && known.count === known.odd.length) {
      goNext(known.odd.find((ordinal) => ordinal > after) ?? null);
      return;
    }
    sought = { key: runKey(), image: rc.view.image, after, due: 0 };
    deviations.pump();
  };

  deviations.toggle = () => rc.setView({ mode: rc.deviating() ? "gap" : "deviation" });

  const drawn = { mode: null, against: null, rate: null };
  const CONTROLS = { mode: "mode", against: "against", rate: "odd-rate" };

  /** Bring the controls and the colours in line with the view. */
  deviations.drawControls = function () {
    const changed = Object.keys(CONTROLS).filter((name) => drawn[name] !== rc.view[name]);
    if (!changed.length) {
      // It may be another run.
      rc.sliderMarks.draw();
      rc.standingOut.draw();
      return;
    }
    for (const name of changed) {
      drawn[name] = rc.view[name];
      rc.setProps(CONTROLS[name], { value: rc.view[name] });
    }
    rc.byId("app").classList.toggle("deviating", rc.deviating());
    if (changed.includes("mode")) {
      runDue = 0;
      deviations.status = null;
      rc.paintGrid(true);
    }
    imageDue = 0;
    // What was said is true of the former choice alone.
    if (rc.byId("notice").dataset.kind === "info") rc.notice(null);
    draw();
  };
})();
