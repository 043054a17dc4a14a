/* One layer's exact GAP values and feature maps for one image: fetched once, kept a while. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const KEPT = 60;
  const cache = new Map();

  function decode(buffer, layer) {
    const n = layer.filters;
    const gap = new Float32Array(buffer, 0, n);
    if (buffer.byteLength === 4 * n) return { gap, codes: null };
    return {
      gap,
      low: new Float32Array(buffer, 4 * n, n),
      step: new Float32Array(buffer, 8 * n, n),
      codes: new Uint8Array(buffer, 12 * n),
    };
  }

  async function fetchLayer(uuid, ordinal, index, layer) {
    const answer = await fetch(`/runs/${uuid}/images/${ordinal}/layers/${index}`);
    if (!answer.ok) throw new Error(await answer.text());
    return decode(await answer.arrayBuffer(), layer);
  }

  /** The data of a layer for the image on the page. `value` is set as soon as it is here. */
  rc.layerData = function (index) {
    const { run, image, model } = rc.shown;
    if (!image) return null;
    const key = `${run.uuid}/${image.ordinal}/${index}`;
    let entry = cache.get(key);
    if (!entry) {
      entry = { value: null, error: null };
      entry.ready = fetchLayer(run.uuid, image.ordinal, index, model.layers[index]).then(
        (value) => {
          entry.value = value;
        },
        (error) => {
          entry.error = error.message;
          cache.delete(key);
        },
      );
      if (cache.size >= KEPT) cache.delete(cache.keys().next().value);
    } else {
      cache.delete(key);
    }
    cache.set(key, entry);
    return entry;
  };
})();
