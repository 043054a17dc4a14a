/* Images with the filter's feature map laid over: those that drive it most. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const STRENGTH = 0.8;

  /** `found`: the answer of /filters/tops; `images` and `maps` by ordinal. */
  const tops = (rc.tops = { found: null, images: new Map(), maps: new Map(), overlay: true });

  /** Where the filter does not answer, the image goes dark, as on the live page. */
  function keepOf(map, [height, width]) {
    return (x, y) => {
      const row = Math.floor((y * map.height) / height) * map.width;
      return 1 - STRENGTH * (1 - map.codes[row + Math.floor((x * map.width) / width)] / 255);
    };
  }

  /** A picture of an image, linked to the live page there with the filter pinned. */
  rc.pictureLink = function (ordinal, words, ...children) {
    const { run, layers, layer, filter } = rc.facts;
    const canvas = rc.element("canvas", { class: "pixelated", width: 1, height: 1, "data-ordinal": ordinal });
    const href = rc.livePage({ run: run.id, image: ordinal, filter: rc.addressOf(layers[layer][0], filter) });
    return rc.element("a", { class: "top-picture", href, title: words, "aria-label": words }, canvas, ...children);
  };

  /** Draw the pixels of every picture on the page. */
  tops.paint = function () {
    for (const canvas of document.querySelectorAll(".top-picture canvas")) {
      const image = tops.images.get(Number(canvas.dataset.ordinal));
      if (!image || !image.pixels) continue;
      const map = tops.maps.get(Number(canvas.dataset.ordinal));
      canvas.dataset.map = map ? (tops.overlay ? "shown" : "hidden") : "none";
      rc.drawPixels(canvas, image.pixels, image.shape, map && tops.overlay ? keepOf(map, image.shape) : null);
    }
  };

  tops.toggle = function () {
    tops.overlay = !tops.overlay;
    rc.setText("filter-overlay", tops.overlay ? "Maps on" : "Maps off");
    tops.paint();
  };

  function caption() {
    const { found, maps } = tops;
    const without = found.overall.filter(([ordinal]) => !maps.get(ordinal)).length;
    const over = `over ${rc.count(found.images)} images`;
    if (!without) return `The highest GAP ${over}. Light stays where the filter answers.`;
    if (without === found.overall.length) return `The highest GAP ${over}. Their feature maps are not stored: the images alone.`;
    return `The highest GAP ${over}. Of ${rc.count(without)} the feature map is not stored: the image alone.`;
  }

  function draw() {
    const { found } = tops;
    if (!found.overall.length) {
      const { constant } = rc.facts.state;
      rc.say("filter-tops", constant ? "No image drives it: its GAP is the same on all of them." : "No image with a finite GAP value.");
      return;
    }
    const tiles = found.overall.map(([ordinal, value, number]) => {
      const name = number < 0 ? "" : rc.className(rc.facts.run.classes, number);
      const words = `Image ${rc.count(ordinal)}${name ? `, ${name}` : ""}: GAP ${rc.number(value)}. Open it on the live page`;
      return rc.pictureLink(
        ordinal,
        words,
        rc.element("span", { class: "top-name" }, name || `image ${rc.count(ordinal)}`),
        rc.element("span", { class: "top-value" }, rc.number(value)),
      );
    });
    rc.byId("filter-tops").replaceChildren(
      rc.element("div", { class: "tops" }, ...tiles),
      rc.element("p", { class: "small" }, caption()),
    );
  }

  /** Look for the images that drive the filter on the page; `quietly` what is there stays until
      the new is found. */
  tops.load = async function (still, quietly) {
    if (!quietly) tops.found = null;
    try {
      const found = await rc.askUntilDone("tops", {}, still, ({ done, total, behind }) => {
        const text = total ? `${rc.count(done)} of ${rc.count(total)} images looked at …` : behind ? rc.BEHIND : "Looking for the images …";
        if (!tops.found) rc.showProgress(rc.byId("filter-tops"), text, total ? done / total : 0, "Top images");
      });
      if (!found) return;
      const shown = new Set(found.overall.map(([ordinal]) => ordinal));
      for (const number of rc.shownClasses()) for (const ordinal of found.byClass[number] || []) shown.add(ordinal);
      const ordinals = [...shown];
      const [images, maps] = ordinals.length
        ? await Promise.all([rc.fetchThumbnails(rc.facts.run, ordinals), rc.fetchMaps(ordinals)])
        : [new Map(), new Map()];
      if (!still()) return;
      Object.assign(tops, { found, images, maps });
      draw();
      rc.drawClassPictures();
      tops.paint();
    } catch (error) {
      if (still()) rc.say("filter-tops", error.message);
    }
  };
})();
