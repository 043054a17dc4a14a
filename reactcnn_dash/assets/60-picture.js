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
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext("2d");
    const data = context.createImageData(width, height);
    const { light, strength } = picture;
    for (let y = 0; y < height; y++) {
      const row = light ? Math.floor((y * light.height) / height) * light.width : 0;
      for (let x = 0; x < width; x++) {
        const i = y * width + x;
        // Where the filter does not answer, the image goes dark: what keeps its colour is what
        // the filter looks at.
        const share = light ? light.codes[row + Math.floor((x * light.width) / width)] / 255 : 1;
        const keep = 1 - strength * (1 - share);
        for (let c = 0; c < 3; c++) {
          data.data[4 * i + c] = picture.pixels[depth * i + (depth >= 3 ? c : 0)] * keep;
        }
        data.data[4 * i + 3] = 255;
      }
    }
    context.putImageData(data, 0, 0);
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
    wanted = `/runs/${run.uuid}/images/${image.ordinal}`;
    const address = wanted;
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(await answer.text());
      const pixels = new Uint8Array(await answer.arrayBuffer());
      if (address !== wanted) return;
      picture.pixels = pixels;
      draw();
    } catch (error) {
      if (address === wanted) rc.notice(`The image could not be read: ${error.message}`);
    }
  }

  const className = (classes, index) => classes[index] ?? `class ${index}`;

  function drawCaption(image, classes) {
    const wrong = image.label !== null && image.label !== image.prediction;
    const parts = [
      rc.element("div", { class: "caption-title" }, `Image ${rc.count(image.ordinal)}`),
      image.name ? rc.element("div", { class: "caption-name", title: image.name }, image.name) : null,
      rc.element(
        "div",
        { class: "verdict" + (wrong ? " wrong" : "") },
        "predicted ",
        rc.element("strong", {}, className(classes, image.prediction)),
        image.label === null ? null : wrong ? " — wrong, it is " : " — right",
        wrong ? rc.element("strong", {}, className(classes, image.label)) : null,
      ),
    ];
    rc.byId("image-caption").replaceChildren(...parts.filter(Boolean));
    rc.byId("image").setAttribute(
      "aria-label",
      `Image ${image.ordinal}, predicted ${className(classes, image.prediction)}`,
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
        rc.element("span", { class: "bar-name", title: className(classes, index) }, className(classes, index)),
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
