/* The grid while it shows deviations: its colours and legend, and each layer's strangeness in the
   place of its number of filters. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const { deviations } = rc;
  // As the server writes them: code 127 is a deviation of 0, a normal score has 15 codes.
  const NOUGHT = 127;
  const CODES = 15;
  const ENDS = 4;
  const NOT_FINITE = 255;

  deviations.scale = Uint8Array.from({ length: 256 }, (_, code) => {
    if (code === NOT_FINITE) return NOT_FINITE;
    const share = (code - NOUGHT) / (CODES * ENDS);
    return Math.round(NOUGHT * (1 + Math.max(-1, Math.min(1, share))));
  });

  /** A signed number as a person reads it: +3.1, −0.4. */
  rc.signed = function (value) {
    const text = Math.abs(value).toFixed(1);
    return text === "0.0" ? text : (value < 0 ? "−" : "+") + text;
  };

  /** A share: 12 %, 0.4 %, 0.07 %. */
  rc.percent = (share) => `${Number((100 * share).toPrecision(share < 0.1 ? 1 : 2))} %`;

  /** A filter's deviation in words; null while it is not known. */
  deviations.words = function ({ layer, filter }) {
    const known = rc.deviating() ? deviations.ofImage() : null;
    if (!known || !known.codes) return null;
    const code = known.codes[rc.shown.model.layers[layer].offset + filter];
    return code === NOT_FINITE ? null : rc.signed((code - NOUGHT) / CODES);
  };

  let painted = false;

  /** The deviations to paint: the former image's until this one's are here, so nothing flickers.
      While there are none of this run the grid keeps the colours of GAP. */
  deviations.painted = function () {
    const known = rc.deviating() ? deviations.image : null;
    return known?.codes && known.uuid === rc.shown.run?.uuid ? known : null;
  };

  const codes = () => (deviations.painted() || rc.shown.image).codes;

  /** Colour the grid by what the mode says; `afresh` when the colours themselves changed. */
  rc.paintGrid = function (afresh) {
    if (!rc.shown.image || !rc.grid.canvas) return;
    const other = Boolean(deviations.painted()) !== painted;
    if (afresh || other) {
      painted = Boolean(deviations.painted());
      rc.grid.codes = codes();
      rc.grid.repaint();
    } else {
      rc.grid.paint(codes());
    }
    rc.grid.canvas.classList.toggle("behind", Boolean(deviations.painted()) && !deviations.ofImage());
    rc.layerOdds.draw();
  };

  function whose(known) {
    const n = known?.codes ? ` (n = ${rc.count(known.images)})` : "";
    if (rc.view.against === "run") return `all images${n}`;
    const given = rc.className(rc.shown.model.classes, rc.shown.image.prediction);
    return n && known.against === null ? `all: too few are ${given}${n}` : `predicted ${given}${n}`;
  }

  deviations.drawLegend = function (legend) {
    const against = whose(deviations.ofImage());
    const extra = rc.shown.image.finite ? null : "NaN or infinite";
    rc.legend(legend, `Deviation, ${against}`, [`−${ENDS}`, `+${ENDS}`], rc.diverging().gradient, extra);
    legend.title = `−${ENDS} … 0 … +${ENDS} normal scores, against ${against}`;
  };

  const odds = (rc.layerOdds = {});
  const LEVELS = [0.002, 0.01, 0.05];

  /** How much a layer stands out, from 0 (usual) to 3. */
  odds.level = ({ tail }) => LEVELS.filter((one) => tail <= one).length;

  odds.strangeness = ({ strangeness }) => (strangeness === null ? "∞" : rc.signed(strangeness).replace("+", ""));

  odds.words = (layer) =>
    `strangeness ${odds.strangeness(layer)} (0 is usual); ${rc.percent(layer.tail)} of usual images are as far off in this layer`;

  const order = (a, b) => a.tail - b.tail || (b.strangeness ?? Infinity) - (a.strangeness ?? Infinity) || a.index - b.index;

  /** Layers from the one that stands out most. */
  odds.ranked = (layers) => layers.map((layer, index) => ({ ...layer, index })).sort(order);

  /** Put a place for its strangeness into each layer's name. */
  odds.attach = function () {
    for (const block of rc.grid.blocks) {
      block.odd = rc.element("span", { class: "block-odd" });
      block.told = { title: block.label.title, label: block.label.getAttribute("aria-label") };
      block.label.append(block.odd);
    }
  };

  odds.draw = function () {
    const known = rc.deviating() ? deviations.ofImage() : null;
    const layers = known?.layers;
    const first = layers ? odds.ranked(layers)[0].index : -1;
    // While an image's strangeness is on its way, that of the former stands, like its colours.
    if (!layers && rc.deviating() && deviations.image?.uuid === rc.shown.run?.uuid && deviations.image?.layers) return;
    rc.grid.blocks.forEach((block, index) => {
      if (!block.odd) return;
      const layer = layers?.[index];
      const words = layer ? odds.words(layer) : null;
      block.odd.textContent = layer ? odds.strangeness(layer) : "–";
      block.odd.dataset.level = layer ? String(odds.level(layer)) : "0";
      block.odd.classList.toggle("first", index === first && odds.level(layer) > 0);
      block.label.title = words ? `${words}. ${block.told.title}` : block.told.title;
      block.label.setAttribute("aria-label", words ? `${block.told.label}, ${words}` : block.told.label);
    });
  };
})();
