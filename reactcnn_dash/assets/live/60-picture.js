/* The current image, its label and prediction, and the class probabilities. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const picture = (rc.picture = { pixels: null, light: null, strength: 0.7 });
  let wanted = "";

  function draw() {
    const canvas = rc.byId("image");
    const { model } = rc.shown;
    if (!canvas || !picture.pixels || !model) return;
    const [height, width, depth] = model.shape;
    if (picture.pixels.length !== height * width * depth) return;
    const { light, strength } = picture;
    // Where the filter does not answer, the image goes dark: what keeps its colour is what the
    // filter looks at.
    const keep = (x, y) => {
      const row = Math.floor((y * light.height) / height) * light.width;
      return 1 - strength * (1 - light.codes[row + Math.floor((x * light.width) / width)] / 255);
    };
    rc.drawPixels(canvas, picture.pixels, model.shape, light ? keep : null);
  }

  /** Lay a feature map over the image; null takes it off. */
  picture.setLight = function (light) {
    if (picture.light === null && light === null) return;
    picture.light = light;
    draw();
  };

  picture.setStrength = function (strength) {
    picture.strength = strength;
    if (picture.light) draw();
  };

  async function load(run, image) {
    wanted = `${run.uuid}/${image.ordinal}`;
    const address = wanted;
    try {
      const pixels = await rc.fetchPixels(run, image.ordinal);
      if (address !== wanted) return;
      picture.pixels = pixels;
      draw();
    } catch (error) {
      if (address === wanted) rc.notice(`The image could not be read: ${error.message}`);
    }
  }

  function drawCaption(image, classes) {
    const wrong = image.label !== null && image.label !== image.prediction;
    const parts = [
      rc.element("div", { class: "caption-title" }, `Image ${rc.count(image.ordinal)}`),
      image.name ? rc.element("div", { class: "caption-name", title: image.name }, image.name) : null,
      rc.element(
        "div",
        { class: "verdict" + (wrong ? " wrong" : "") },
        "predicted ",
        rc.element("strong", {}, rc.className(classes, image.prediction)),
        image.label === null ? null : wrong ? " — wrong, it is " : " — right",
        wrong ? rc.element("strong", {}, rc.className(classes, image.label)) : null,
      ),
    ];
    rc.byId("image-caption").replaceChildren(...parts.filter(Boolean));
    rc.byId("image").setAttribute(
      "aria-label",
      `Image ${image.ordinal}, predicted ${rc.className(classes, image.prediction)}`,
    );
  }

  function drawBars(image, classes) {
    const bars = image.probabilities.map(([index, p]) => {
      const kind = (index === image.prediction ? " predicted" : "") + (index === image.label ? " label" : "");
      const percent = p < 0 ? "NaN" : `${(100 * p).toFixed(p >= 0.9995 || p < 0.0005 ? 0 : 1)} %`;
      const bar = rc.element("span", { class: "bar-fill" });
      bar.style.width = `${100 * Math.max(0, Math.min(1, p))}%`;
      return rc.element(
        "div",
        { class: "bar" + kind, role: "listitem" },
        rc.element("span", { class: "bar-name", title: rc.className(classes, index) }, rc.className(classes, index)),
        rc.element("span", { class: "bar-track" }, bar),
        rc.element("span", { class: "bar-value" }, percent),
      );
    });
    rc.byId("probabilities").replaceChildren(...bars);
  }

  /** Show the image of a frame. */
  picture.show = function () {
    const { run, image, model } = rc.shown;
    load(run, image);
    drawCaption(image, model.classes);
    drawBars(image, model.classes);
  };
})();
