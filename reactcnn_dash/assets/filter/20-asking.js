/* Asking the routes of filters/routes.py. Of two answers the one to the later question counts. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  /** What is known of the filter on the page; null before the first answer. */
  rc.facts = null;

  Object.assign(rc, rc.makeAsker("/filters", () => rc.view));

  /** The filter's feature maps on some images by ordinal, null where none is stored. */
  rc.fetchMaps = async function (ordinals) {
    const [height, width] = rc.facts.map;
    const said = await rc.answer("maps", { of: ordinals.join(",") });
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

  /** Say something in a card instead of a picture. */
  rc.say = (id, text) => rc.byId(id).replaceChildren(rc.element("p", { class: "small" }, text));
})();
