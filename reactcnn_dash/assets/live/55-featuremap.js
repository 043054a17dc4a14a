/* The feature map above a layer's block, and its light on the input image. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const featureMap = (rc.featureMap = {});
  const CAPTION = 22;

  const picture = rc.element("canvas", { class: "map-picture pixelated", role: "img" });
  const caption = rc.element("div", { class: "map-caption" });
  const page = rc.element("a", { class: "map-page" }, "↗");
  const box = rc.element("div", { class: "map", hidden: "" }, picture, rc.element("div", { class: "map-foot" }, caption, page));

  /** Put the map's element into the grid's canvas. */
  featureMap.attach = (canvas) => canvas.append(box);

  function draw(codes, height, width) {
    picture.width = width;
    picture.height = height;
    const context = picture.getContext("2d");
    const data = context.createImageData(width, height);
    const { bytes } = rc.colours();
    for (let i = 0; i < codes.length; i++) {
      const at = 3 * Math.min(codes[i], 254);
      data.data[4 * i] = bytes[at];
      data.data[4 * i + 1] = bytes[at + 1];
      data.data[4 * i + 2] = bytes[at + 2];
      data.data[4 * i + 3] = 255;
    }
    context.putImageData(data, 0, 0);
  }

  /** How much of the other blocks and their names a map at this place would cover. */
  function covered(layer, left, top, size) {
    const { blocks, label } = rc.grid.geometry;
    return blocks.reduce((sum, block, i) => {
      const across = Math.min(left + size, block.x + block.width) - Math.max(left, block.x);
      const down = top + size + CAPTION - Math.max(top, block.y - label);
      return i !== layer && across > 0 && down > 0 ? sum + across * down : sum;
    }, 0);
  }

  /** Right above the block: centred on it, or flush with the side where less is covered. */
  function place(layer) {
    const { blocks, map, label, width } = rc.grid.geometry;
    const block = blocks[layer];
    const size = map;
    const top = block.y - label - size - CAPTION;
    const centred = block.x + block.width / 2 - size / 2;
    const left = [centred, block.x + block.width - size, block.x]
      .map((x) => Math.max(4, Math.min(width - size - 4, x)))
      .reduce((best, x) => (covered(layer, x, top, size) < covered(layer, best, top, size) ? x : best));
    box.style.width = `${size}px`;
    picture.style.width = `${size}px`;
    picture.style.height = `${size}px`;
    box.style.transform = `translate(${left}px, ${top}px)`;
  }

  function explain(entry, at) {
    if (entry.error) return entry.error;
    if (!entry.value) return "";
    if (!entry.value.codes) return "not stored for this image";
    return Number.isNaN(entry.value.step[at.filter]) ? "NaN or infinite" : null;
  }

  /** Codes of one filter's map, or null. */
  featureMap.codes = function (entry, at) {
    if (!entry || !entry.value || !entry.value.codes) return null;
    const { height, width } = rc.shown.model.layers[at.layer];
    const size = height * width;
    return entry.value.codes.subarray(at.filter * size, (at.filter + 1) * size);
  };

  /** Show a filter's map; null hides it. */
  featureMap.show = function (at, entry) {
    if (!at || !entry) {
      box.hidden = true;
      rc.picture.setLight(null);
      return;
    }
    const layer = rc.shown.model.layers[at.layer];
    const problem = explain(entry, at);
    box.classList.toggle("without", problem !== null);
    if (problem === null) {
      const codes = featureMap.codes(entry, at);
      draw(codes, layer.height, layer.width);
      const { low, step } = entry.value;
      const top = low[at.filter] + 255 * step[at.filter];
      caption.textContent = step[at.filter] === 0 ? "0 everywhere" : `${rc.number(low[at.filter])} … ${rc.number(top)}`;
      rc.picture.setLight({ codes, height: layer.height, width: layer.width });
    } else {
      caption.textContent = problem;
      rc.picture.setLight(null);
    }
    picture.setAttribute("aria-label", `Feature map of ${rc.address(at)}`);
    picture.dataset.address = rc.filterText(at);
    page.href = rc.filterPages.of(at);
    page.title = `The page of ${rc.address(at)} (F)`;
    page.setAttribute("aria-label", page.title);
    place(at.layer);
    box.hidden = problem === "";
  };
})();
