/* Asking a page's JSON routes, again and again while an answer is worked out, and how far it is. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const AGAIN_MS = 200;
  const LATER_MS = 2000;

  rc.BEHIND = "Waiting for other work to end …";

  rc.pause = (ms) => new Promise((done) => window.setTimeout(done, ms));

  /** Make what asks the routes below a path.

      usual()      values of every question; null and undefined are left out of a question
      answer       the Response to a question; rejects with what is wrong
      ask          what a JSON route says; a refusal rejects
      askUntilDone asks until the answer is whole, and calls `running` with each that is not; null
                   once `still()` says that nobody waits for it */
  rc.makeAsker = function (root, usual = () => ({})) {
    async function answer(path, values) {
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries({ ...usual(), ...values })) {
        if (value !== null && value !== undefined) query.set(name, value);
      }
      let said;
      try {
        said = await fetch(`${root}/${path}?${query}`);
      } catch {
        throw new Error("The server does not answer. Is it still running? Then load this page again.");
      }
      if (!said.ok) throw new Error(`The server failed (${said.status}); its log says why.`);
      return said;
    }

    async function ask(path, values) {
      const said = await (await answer(path, values)).json();
      if (said.status === "refused") throw new Error(said.message);
      return said;
    }

    async function askUntilDone(path, values, still, running) {
      for (;;) {
        const said = await ask(path, values);
        if (!still()) return null;
        if (said.status !== "running" && said.status !== "empty") return said;
        running(said);
        await rc.pause(document.hidden || said.status === "empty" ? LATER_MS : AGAIN_MS);
        if (!still()) return null;
      }
    }

    return { answer, ask, askUntilDone };
  };

  /** Show in a place how far some work is, `share` from 0 to 1; without words the place is empty. */
  rc.showProgress = function (place, words, share, label) {
    if (!words) return place.replaceChildren();
    let progress = place.querySelector(":scope > .progress");
    if (!progress) {
      const bar = { class: "progress-track", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 };
      progress = rc.element(
        "div",
        { class: "progress" },
        rc.element("span", { class: "progress-text", role: "status" }),
        rc.element("span", bar, rc.element("span", { class: "progress-fill" })),
      );
      place.replaceChildren(progress);
    }
    const [text, track] = progress.children;
    const percent = Math.round(100 * share);
    text.textContent = words;
    track.firstElementChild.style.width = `${percent}%`;
    track.setAttribute("aria-valuenow", percent);
    track.setAttribute("aria-label", label);
  };
})();
