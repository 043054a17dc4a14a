/* Images of a run: fetching and drawing what the network saw. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  /** Draw (height, width, depth) pixels; `keep` says which share of its light a place keeps. */
  rc.drawPixels = function (canvas, pixels, [height, width, depth], keep) {
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext("2d");
    const data = context.createImageData(width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const i = y * width + x;
        const share = keep ? keep(x, y) : 1;
        for (let c = 0; c < 3; c++) {
          data.data[4 * i + c] = pixels[depth * i + (depth >= 3 ? c : 0)] * share;
        }
        data.data[4 * i + 3] = 255;
      }
    }
    context.putImageData(data, 0, 0);
  };

  /** What the network saw of an image; rejects with the reason. */
  rc.fetchPixels = async function (run, ordinal) {
    const answer = await fetch(`/runs/${run.uuid}/images/${ordinal}`);
    if (!answer.ok) throw new Error(await answer.text());
    return new Uint8Array(await answer.arrayBuffer());
  };

  /** Thumbnails of some images by ordinal: {pixels, shape}, pixels null where there are none. */
  rc.fetchThumbnails = async function (run, ordinals) {
    const answer = await fetch(`/runs/${run.uuid}/thumbnails?of=${ordinals.join(",")}`);
    if (!answer.ok) throw new Error(await answer.text());
    const buffer = await answer.arrayBuffer();
    const shape = [...new Uint16Array(buffer, 0, 3)];
    const here = new Uint8Array(buffer, 6, ordinals.length);
    const size = shape[0] * shape[1] * shape[2];
    let from = 6 + ordinals.length;
    const found = new Map();
    ordinals.forEach((ordinal, i) => {
      found.set(ordinal, { pixels: here[i] ? new Uint8Array(buffer, from, size) : null, shape });
      if (here[i]) from += size;
    });
    return found;
  };

  rc.className = (classes, index) => classes[index] ?? `class ${index}`;
})();
