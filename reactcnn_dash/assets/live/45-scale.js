/* The colour scale, per layer or for the whole network, and its legend.
   Codes grow with the square root of the value (see frames.py). */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const CODES = 254;
  let tables = [];

  /** The whole network's scale: from the lowest to the highest value of any layer. */
  const network = (image) => [Math.min(...image.low), Math.max(...image.high)];

  const valueOf = (code, low, high) => low + (code / CODES) ** 2 * (high - low);

  function shares(low, high, from, to) {
    const table = new Uint8Array(256);
    const span = to - from;
    for (let code = 0; code <= CODES; code++) {
      const share = span > 0 ? (valueOf(code, low, high) - from) / span : 0;
      table[code] = Math.round(Math.sqrt(Math.max(0, share)) * CODES);
    }
    table[255] = 255;
    return table;
  }

  /** Compute each layer's table from stored code to colour code. */
  rc.setScale = function (image) {
    const whole = rc.view.scale === "network";
    const [from, to] = network(image);
    tables = image.low.map((low, i) =>
      whole ? shares(low, image.high[i], from, to) : shares(low, image.high[i], low, image.high[i]),
    );
  };

  rc.scaleOf = (layer) => (rc.deviations.painted() ? rc.deviations.scale : tables[layer]);

  /** The colours of the grid as it is: of GAP, or of deviations. */
  rc.gridColours = () => (rc.deviations.painted() ? rc.diverging() : rc.colours());

  /** A filter's GAP as its code tells it; null when it is not finite. */
  rc.gapFromCode = function ({ layer, filter }) {
    const { image, model } = rc.shown;
    if (!image) return null;
    const code = image.codes[model.layers[layer].offset + filter];
    if (code === 255) return null;
    return valueOf(code, image.low[layer], image.high[layer]);
  };

  /** Draw the legend: of the whole network, or of the layer under the pointer. */
  rc.drawLegend = function (layer) {
    const legend = rc.byId("legend");
    const { image, model } = rc.shown;
    if (!legend || !image) return;
    if (rc.deviations.painted()) {
      rc.deviations.drawLegend(legend);
      return;
    }
    legend.removeAttribute("title");
    let ends = ["small", "large"];
    let title = "GAP, each layer on its own scale";
    if (rc.view.scale === "network") {
      ends = network(image).map(rc.number);
      title = "GAP, whole network";
    } else if (layer !== null && layer !== undefined && layer >= 0) {
      ends = [image.low[layer], image.high[layer]].map(rc.number);
      title = `GAP, ${model.layers[layer].name}`;
    }
    const extra = image.finite ? null : "NaN or infinite";
    rc.legend(legend, title, ends, rc.colours().gradient, extra);
  };
})();
