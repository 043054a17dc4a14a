/* Asking the server, and the comparison that is on the page. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const AGAIN_MS = 200;
  const HIDDEN_MS = 2000;

  /** `found` is the comparison on the page, or null; `refused` that there is none to be had. */
  rc.compared = { found: null, refused: false };
  let wanted = "";

  /** Ask one of the routes of comparison_routes.py; rejects with what is wrong. */
  rc.ask = async function (path, values) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) {
      if (value !== null && value !== undefined) query.set(name, value);
    }
    let answer;
    try {
      answer = await fetch(`/comparisons/${path}?${query}`);
    } catch {
      throw new Error("The server does not answer. Is it still running? Then load this page again.");
    }
    if (!answer.ok) throw new Error(`The server failed (${answer.status}); its log says why.`);
    const said = await answer.json();
    if (said.state === "refused") throw new Error(said.message);
    return said;
  };

  const pause = () =>
    new Promise((done) => window.setTimeout(done, document.hidden ? HIDDEN_MS : AGAIN_MS));

  /** Ask again and again until the answer is whole; `still()` says whether anybody waits for it. */
  rc.askUntilDone = async function (path, values, still, running) {
    for (;;) {
      const said = await rc.ask(path, values);
      if (!still()) return null;
      if (said.state !== "running") return said;
      running(said);
      await pause();
      if (!still()) return null;
    }
  };

  /** What names the comparison that the view asks for. */
  rc.asked = () => ({ a: rc.view.a, b: rc.view.b, method: rc.view.method, parameter: rc.view.parameter });

  /** Bring `found` in line with the view; `changed` is called with it, or with null. */
  rc.compare = async function (changed) {
    const asked = rc.asked();
    const picked = rc.view.experiment === null && asked.a !== null && asked.b !== null;
    const key = picked ? JSON.stringify(asked) : "";
    if (key === wanted) return;
    wanted = key;
    rc.compared.found = null;
    rc.compared.refused = false;
    rc.notice(null);
    rc.progress(picked ? { folded: 0, images: 0 } : null, "");
    changed(null);
    if (!picked) return;
    const still = () => key === wanted;
    try {
      const said = await rc.askUntilDone("of", asked, still, (waiting) => rc.progress(waiting, ""));
      if (!said) return;
      rc.progress(null);
      rc.compared.found = said;
      changed(said);
    } catch (error) {
      if (!still()) return;
      rc.progress(null);
      rc.compared.refused = true;
      rc.notice(error.message);
      changed(null);
    }
  };

  /** Show how far the background process is; null takes the bar away. */
  rc.progress = function (waiting, more) {
    const place = rc.byId("compare-progress");
    place.hidden = !waiting;
    if (!waiting) {
      place.replaceChildren();
      return;
    }
    const { folded, images } = waiting;
    const share = images ? folded / images : 0;
    let text = "Matching the images of both runs …";
    if (images) text = folded < images ? `${rc.count(folded)} of ${rc.count(images)} images folded` : "Clusters and matches …";
    if (!place.firstElementChild) {
      const fill = rc.element("span", { class: "progress-fill" });
      place.append(
        rc.element("span", { class: "progress-text" }),
        rc.element("span", { class: "progress-track", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": "Comparison" }, fill),
      );
    }
    place.firstElementChild.textContent = more + text;
    place.lastElementChild.firstElementChild.style.width = `${100 * share}%`;
    place.lastElementChild.setAttribute("aria-valuenow", Math.round(100 * share));
  };

  /** Once a thing of the comparison on the page is asked for twice at a time, the later answer counts. */
  rc.asker = function () {
    let number = 0;
    return async function (path, values, take) {
      const mine = ++number;
      const { found } = rc.compared;
      const current = () => mine === number && found === rc.compared.found;
      try {
        const said = await rc.ask(path, { ...rc.asked(), ...values });
        if (current()) take(said);
      } catch (error) {
        if (current()) rc.notice(error.message);
      }
    };
  };

  rc.percent = (share, digits) => (share === null ? "–" : `${(100 * share).toFixed(digits ?? 2)} %`);
  rc.figure = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));
})();
