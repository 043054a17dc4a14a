/* The strip of thumbnails below the grid: as long as all hits, but only those in sight are in the
   page, and only their pictures are fetched, several at a time. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const TILE = 78;
  const AROUND = 3;
  const AT_ONCE = 40;
  const KEPT = 800;
  // Beyond, a browser draws nothing: an element may be some 33 million pixels wide.
  const MOST = 400000;
  const strip = (rc.strip = {});
  let inner = null;
  let tiles = new Map();
  let pictures = new Map();
  let loading = false;

  function build() {
    inner = rc.element("div", { class: "strip-inner", role: "presentation" });
    const room = rc.byId("strip");
    room.replaceChildren(inner);
    room.addEventListener("scroll", () => strip.draw(), { passive: true });
    room.addEventListener("keydown", onKey);
    // A wheel turns; the strip lies.
    room.addEventListener("wheel", turn, { passive: false });
    new ResizeObserver(() => strip.draw()).observe(room);
  }

  function turn(event) {
    if (Math.abs(event.deltaY) <= Math.abs(event.deltaX) || event.ctrlKey) return;
    event.preventDefault();
    rc.byId("strip").scrollLeft += event.deltaY;
  }

  function onKey(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      rc.search.close();
      return;
    }
    const last = (rc.search.total || 0) - 1;
    const { at } = rc.search;
    const to = {
      ArrowLeft: Math.max(0, at - 1),
      ArrowRight: Math.min(last, at + 1),
      PageUp: Math.max(0, at - 10),
      PageDown: Math.min(last, at + 10),
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    // Elsewhere on the page these keys move through time.
    event.preventDefault();
    event.stopPropagation();
    if (last >= 0) rc.search.go(to);
  }

  function makeTile(index, hit) {
    const classes = rc.shown.model.classes;
    const name = (value) => rc.className(classes, value);
    const predicted = name(hit.prediction);
    const words = hit.label === null ? predicted : hit.wrong ? `${name(hit.label)} → ${predicted}` : predicted;
    const sure = hit.confidence === null ? "no answer" : `${(100 * hit.confidence).toFixed(0)} %`;
    const said = hit.label === null ? `predicted ${predicted}` : `${name(hit.label)}, predicted ${predicted}`;
    const tile = rc.element(
      "div",
      {
        class: "tile" + (hit.wrong ? " wrong" : ""),
        role: "option",
        id: `hit-${index}`,
        "data-ordinal": hit.ordinal,
        "aria-label": `Image ${hit.ordinal}: ${said}, ${sure}`,
        title: `Image ${rc.count(hit.ordinal)}: ${said}, ${sure}`,
        onclick: () => rc.search.go(index),
      },
      rc.element("canvas", { class: "pixelated", width: "1", height: "1", "aria-hidden": "true" }),
      rc.element("span", { class: "tile-name" }, words),
      rc.element("span", { class: "tile-more" }, `${rc.count(hit.ordinal)} · ${sure}`),
    );
    tile.style.left = `${index * TILE}px`;
    return tile;
  }

  const keyOf = (ordinal) => `${rc.shown.run.uuid}/${ordinal}`;

  function paint(tile) {
    const picture = pictures.get(keyOf(tile.dataset.ordinal));
    if (!picture || tile.classList.contains("painted")) return;
    tile.classList.add("painted");
    if (picture.pixels) rc.drawPixels(tile.firstElementChild, picture.pixels, picture.shape, null);
    else tile.classList.add("damaged");
  }

  async function fetchPictures(run, ordinals) {
    const answer = await fetch(`/runs/${run.uuid}/thumbnails?of=${ordinals.join(",")}`);
    if (!answer.ok) throw new Error(await answer.text());
    const buffer = await answer.arrayBuffer();
    const shape = [...new Uint16Array(buffer, 0, 3)];
    const here = new Uint8Array(buffer, 6, ordinals.length);
    const size = shape[0] * shape[1] * shape[2];
    let from = 6 + ordinals.length;
    ordinals.forEach((ordinal, i) => {
      const pixels = here[i] ? new Uint8Array(buffer, from, size) : null;
      if (here[i]) from += size;
      pictures.set(`${run.uuid}/${ordinal}`, { pixels, shape });
    });
    for (const old of [...pictures.keys()].slice(0, Math.max(0, pictures.size - KEPT))) pictures.delete(old);
  }

  /** Fetch the pictures of the tiles in sight; one request at a time, for what is in sight then. */
  async function load() {
    if (loading) return;
    const missing = [...tiles.values()].map((tile) => tile.dataset.ordinal).filter((one) => !pictures.has(keyOf(one)));
    if (!missing.length) return;
    loading = true;
    try {
      await fetchPictures(rc.shown.run, missing.slice(0, AT_ONCE));
    } catch (error) {
      rc.notice(`The thumbnails could not be read: ${error.message}`);
      return;
    } finally {
      loading = false;
    }
    strip.draw();
  }

  const shownCount = () => Math.min(rc.search.total || 0, MOST);

  /** The place of the first hit in sight. */
  strip.first = () => Math.floor(rc.byId("strip").scrollLeft / TILE);

  /** Draw what is in sight. */
  strip.draw = function () {
    if (!inner || rc.view.search === null || !rc.shown.run) return;
    const room = rc.byId("strip");
    const from = Math.max(0, strip.first() - AROUND);
    const to = Math.min(shownCount(), Math.ceil((room.scrollLeft + room.clientWidth) / TILE) + AROUND);
    const shown = String(rc.view.image ?? (rc.shown.image ? rc.shown.image.ordinal : ""));
    for (const [index, tile] of tiles) {
      if (index >= from && index < to) continue;
      tile.remove();
      tiles.delete(index);
    }
    for (let index = from; index < to; index++) {
      const hit = rc.search.hit(index);
      let tile = tiles.get(index);
      if (hit && (!tile || tile.dataset.ordinal !== String(hit.ordinal))) {
        tile?.remove();
        tile = makeTile(index, hit);
        tiles.set(index, tile);
        inner.append(tile);
      }
      if (!tile) continue;
      const current = tile.dataset.ordinal === shown;
      tile.classList.toggle("current", current);
      tile.setAttribute("aria-selected", String(current));
      if (current) room.setAttribute("aria-activedescendant", tile.id);
      paint(tile);
    }
    load();
  };

  /** Forget what is shown: another search. */
  strip.clear = function () {
    if (!inner) build();
    for (const tile of tiles.values()) tile.remove();
    tiles = new Map();
    rc.byId("strip").scrollLeft = 0;
    rc.byId("strip").removeAttribute("aria-activedescendant");
    inner.replaceChildren();
  };

  /** Make room for all hits; say so when there are none. */
  strip.resize = function () {
    inner.style.width = `${shownCount() * TILE}px`;
    const none = rc.search.total === 0;
    if (none) inner.replaceChildren(rc.element("p", { class: "strip-none" }, "No image of this run is like that. Ask for less."));
    else inner.querySelector(".strip-none")?.remove();
  };

  /** Scroll until a hit is in sight. */
  strip.reveal = function (index) {
    const room = rc.byId("strip");
    const left = index * TILE;
    if (left < room.scrollLeft) room.scrollLeft = left - TILE / 2;
    else if (left + TILE > room.scrollLeft + room.clientWidth) room.scrollLeft = left + 1.5 * TILE - room.clientWidth;
  };
})();
