/* Asking the routes of filters/routes.py. Of two answers the one to the later question counts. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const AGAIN_MS = 250;
  const LATER_MS = 2000;

  /** What is known of the filter on the page; null before the first answer. */
  rc.facts = null;

  /** The answer of a route; rejects with what is wrong. */
  async function answer(path, values) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...rc.view, ...values })) {
      if (value !== null && value !== undefined) query.set(name, value);
    }
    let said;
    try {
      said = await fetch(`/filters/${path}?${query}`);
    } catch {
      throw new Error("The server does not answer. Is it still running? Then load this page again.");
    }
    if (!said.ok) throw new Error(`The server failed (${said.status}); its log says why.`);
    return said;
  }

  rc.ask = async function (path, values) {
    const said = await (await answer(path, values)).json();
    if (said.state === "refused") throw new Error(said.message);
    return said;
  };

  const pause = (ms) => new Promise((done) => window.setTimeout(done, document.hidden ? LATER_MS : ms));

  /** Ask until the answer is whole; `still()` says whether anybody waits for it. */
  rc.askUntilDone = async function (path, still, waiting) {
    for (;;) {
      const said = await rc.ask(path);
      if (!still()) return null;
      const unfinished = said.state === "running" || said.state === "empty";
      if (!unfinished) return said;
      waiting(said);
      await pause(said.state === "empty" ? LATER_MS : AGAIN_MS);
      if (!still()) return null;
    }
  };

  /** The filter's feature maps on some images by ordinal, null where none is stored. */
  rc.fetchMaps = async function (ordinals) {
    const [height, width] = rc.facts.map;
    const said = await answer("maps", { of: ordinals.join(",") });
    if (said.headers.get("Content-Type").startsWith("application/json")) throw new Error((await said.json()).message);
    const bytes = new Uint8Array(await said.arrayBuffer());
    const found = new Map();
    let from = ordinals.length;
    ordinals.forEach((ordinal, i) => {
      found.set(ordinal, bytes[i] ? { height, width, codes: bytes.subarray(from, from + height * width) } : null);
      if (bytes[i]) from += height * width;
    });
    return found;
  };

  /** Show how far some work is in a place. */
  rc.showProgress = function (place, text, done, all) {
    const share = all ? Math.round((100 * done) / all) : 0;
    const fill = rc.element("span", { class: "progress-fill" });
    fill.style.width = `${share}%`;
    const track = { class: "progress-track", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": share, "aria-label": text };
    place.replaceChildren(rc.element("p", { class: "small", role: "status" }, text), rc.element("span", track, fill));
  };

  /** Say something in a card instead of a picture. */
  rc.say = (id, text) => rc.byId(id).replaceChildren(rc.element("p", { class: "small" }, text));
})();
