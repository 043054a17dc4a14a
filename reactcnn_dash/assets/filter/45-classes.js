/* The filter's values by class: a histogram a class on one axis, its mean, and its top images. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const MOST = 12;
  const WIDTH = 240;
  const HEIGHT = 30;

  /** The classes that have a row: those with images, highest mean first. */
  rc.shownClasses = function () {
    const { means } = rc.facts.classes;
    const known = means.flatMap((mean, number) => (mean === null ? [] : [number]));
    return known.sort((one, other) => means[other] - means[one] || one - other).slice(0, MOST);
  };

  /** Height goes with the root of the share: most filters are near 0 on most images. */
  function outline(counts) {
    const most = Math.max(1, ...counts);
    const step = WIDTH / counts.length;
    const y = (count) => (HEIGHT - 1 - (HEIGHT - 3) * Math.sqrt(count / most)).toFixed(1);
    const tops = counts.map((count, i) => `L${(i * step).toFixed(1)},${y(count)}L${((i + 1) * step).toFixed(1)},${y(count)}`);
    return `M0,${HEIGHT - 1}${tops.join("")}L${WIDTH},${HEIGHT - 1}Z`;
  }

  function ridge(number) {
    const { counts, edges, means, ofClass, favourite } = rc.facts.classes;
    const share = (value) => (value - edges[0]) / (edges[edges.length - 1] - edges[0]);
    const name = rc.className(rc.facts.run.classes, number);
    const at = (WIDTH * share(means[number])).toFixed(1);
    const picture = rc.svg(
      "svg",
      { class: "ridge" + (number === favourite ? " favourite" : ""), viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${name}: mean ${rc.number(means[number])} over ${ofClass[number]} images` },
      rc.svg("path", { class: "ridge-area", d: outline(counts[number]) }),
      rc.svg("line", { class: "ridge-mean", x1: at, x2: at, y1: 2, y2: HEIGHT - 1 }),
    );
    picture.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect();
      const bin = Math.min(edges.length - 2, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * (edges.length - 1))));
      const lines = [
        `${name} · mean ${rc.number(means[number])}`,
        `${rc.count(counts[number][bin])} of ${rc.count(ofClass[number])} images from ${rc.number(edges[bin])} to ${rc.number(edges[bin + 1])}`,
      ];
      rc.tip(lines, { x: event.clientX, y: event.clientY });
    });
    picture.addEventListener("pointerleave", () => rc.tip(null, null));
    return picture;
  }

  function row(number) {
    const { means, favourite } = rc.facts.classes;
    const name = rc.className(rc.facts.run.classes, number);
    return rc.element(
      "div",
      { class: "class-row" + (number === favourite ? " favourite" : ""), role: "listitem", "data-class": number },
      rc.element("span", { class: "class-name", title: name }, name),
      ridge(number),
      rc.element("span", { class: "class-mean" }, rc.number(means[number])),
      rc.element("span", { class: "class-tops" }),
    );
  }

  function axis() {
    const { edges } = rc.facts.classes;
    const [low, high] = [edges[0], edges[edges.length - 1]];
    const ticks = [low, (low + high) / 2, high].map((value) => rc.element("span", {}, rc.number(value)));
    return rc.element("div", { class: "class-row class-axis" }, rc.element("span", {}, "GAP"), rc.element("span", { class: "ticks" }, ...ticks), rc.element("span", { class: "class-mean" }, "mean"), rc.element("span", { class: "class-tops" }, "top images"));
  }

  rc.drawClasses = function () {
    const { means, images } = rc.facts.classes;
    const shown = rc.shownClasses();
    if (!shown.length) {
      rc.say("filter-classes", "No image of the sample has a class.");
      return;
    }
    const known = means.filter((mean) => mean !== null).length;
    const rest = known > shown.length ? ` The ${shown.length} highest of ${rc.count(known)} classes.` : "";
    const of = rc.facts.run.labelled ? "label, or prediction without one" : "prediction: the images have no labels";
    rc.byId("filter-classes").replaceChildren(
      rc.element("div", { class: "class-rows", role: "list", "aria-label": "Values by class" }, axis(), ...shown.map(row)),
      rc.element("p", { class: "small" }, `Over ${images < rc.facts.run.stored ? `a sample of ${rc.count(images)}` : `all ${rc.count(images)}`} images, by ${of}. Heights grow with the root of the share.${rest}`),
    );
    rc.drawClassPictures();
  };

  /** Put the top images of each class into its row, once they are known. */
  rc.drawClassPictures = function () {
    const { found } = rc.tops;
    if (!found) return;
    for (const place of document.querySelectorAll(".class-row[data-class]")) {
      const number = Number(place.dataset.class);
      const name = rc.className(rc.facts.run.classes, number);
      const pictures = (found.byClass[number] || []).map((ordinal) =>
        rc.pictureLink(ordinal, `Image ${rc.count(ordinal)}, among the highest of ${name}. Open it on the live page`),
      );
      place.querySelector(".class-tops").replaceChildren(...pictures);
    }
    rc.tops.paint();
  };
})();
