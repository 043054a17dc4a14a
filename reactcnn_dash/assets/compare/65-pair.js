/* One image in both runs: its probabilities, and every filter's GAP in A, in B, or B − A. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const CODES = 254;
  const MIDDLE = 127;
  const NOT_FINITE = 255;
  const MOST_CLASSES = 10;
  const IDENTITY = Uint8Array.from({ length: 256 }, (_, i) => i);
  const ask = rc.asker();
  let pair = null;
  let asked = "";
  let built = null;
  let inHand = null;
  let hand = null;

  const grid = rc.makeGrid({
    room: () => rc.byId("grid"),
    prefix: "cell",
    bare: true,
    name: (layer) => ({
      title: `${layer.name}: ${layer.kind}, ${layer.filters} filters of ${layer.height} × ${layer.width}. Click for its cluster flow.`,
      label: `Cluster flow of ${layer.name}, ${layer.filters} filters`,
    }),
    choose: (index) => rc.setView({ image: null, layer: rc.compared.found.layers[index].name, tab: "flow", cluster: null }),
    scale: () => IDENTITY,
    colours: () => (rc.view.shown === "difference" ? rc.diverging() : rc.colours()).css,
    placed: () => rc.tip(null, null),
  });

  /** The layers in common, side by side as in the answer of the server. */
  function model() {
    let offset = 0;
    const layers = rc.compared.found.layers.map((layer) => {
      const placed = { ...layer, offset };
      offset += layer.filters;
      return placed;
    });
    return { layers };
  }

  /** Both runs' lowest and highest GAP of each layer over all images, and nought: one scale for both. */
  function ranges() {
    const { a, b } = rc.compared.found;
    return a.low.map((_, i) => [
      Math.min(0, a.low[i] ?? 0, b.low[i] ?? 0),
      Math.max(0, a.high[i] ?? 0, b.high[i] ?? 0),
    ]);
  }

  function scaleOf(layer) {
    const all = ranges();
    if (rc.view.scale === "layer") return all[layer];
    return [Math.min(...all.map(([low]) => low)), Math.max(...all.map(([, high]) => high))];
  }

  /** A value's code: it grows with the square root, since most values are small beside the largest. */
  function codeOf(value, [low, high]) {
    if (!Number.isFinite(value)) return NOT_FINITE;
    const share = high > low ? (value - low) / (high - low) : 0;
    return Math.round(Math.sqrt(Math.max(0, Math.min(1, share))) * CODES);
  }

  function differenceCode(value, [low, high]) {
    if (!Number.isFinite(value)) return NOT_FINITE;
    const share = high > low ? Math.min(1, Math.abs(value) / (high - low)) : 0;
    return MIDDLE + Math.round(Math.sign(value) * Math.sqrt(share) * MIDDLE);
  }

  function codes() {
    const result = new Uint8Array(pair.a.gap.length);
    built.layers.forEach(({ offset, filters }, layer) => {
      const scale = scaleOf(layer);
      for (let i = offset; i < offset + filters; i++) {
        const [a, b] = [pair.a.gap[i], pair.b.gap[i]];
        if (rc.view.shown === "difference") result[i] = differenceCode(b - a, scale);
        else result[i] = codeOf(rc.view.shown === "a" ? a : b, scale);
      }
    });
    return result;
  }

  function drawLegend(layer) {
    const whole = rc.view.scale === "network";
    const difference = rc.view.shown === "difference";
    const what = difference ? "B − A" : `GAP in ${rc.view.shown.toUpperCase()}`;
    let ends = difference ? ["A larger", "B larger"] : ["small", "large"];
    let title = `${what}, each layer on its own scale`;
    if (whole || layer !== null) {
      const [low, high] = scaleOf(layer ?? 0);
      ends = difference ? [`−${rc.number(high - low)}`, `+${rc.number(high - low)}`] : [low, high].map(rc.number);
      title = `${what}, ${whole ? "whole network" : built.layers[layer].name}`;
    }
    const { gradient } = difference ? rc.diverging() : rc.colours();
    const amber = codes().includes(NOT_FINITE) ? "NaN or infinite" : null;
    rc.legend(rc.byId("legend"), title, ends, gradient, amber);
  }

  function decode(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  }

  const className = (index) => rc.className(rc.compared.found.a.classes, index);

  function side(name, answer) {
    const wrong = answer.label !== null && answer.label !== answer.prediction;
    const verdict = answer.label === null ? "" : wrong ? " — wrong" : " — right";
    return rc.element(
      "div",
      { class: "verdict" + (wrong ? " wrong" : "") },
      rc.element("span", { class: `side-badge side-${name}` }, name.toUpperCase()),
      " ",
      rc.element("strong", {}, className(answer.prediction)),
      verdict,
    );
  }

  function drawCaption() {
    const { a, b } = pair;
    const label = a.label ?? b.label;
    const name = a.name || b.name;
    const parts = [
      rc.element("div", { class: "caption-title" }, a.ordinal === b.ordinal ? `Image ${rc.count(a.ordinal)}` : `Image ${rc.count(a.ordinal)} of A, ${rc.count(b.ordinal)} of B`),
      name ? rc.element("div", { class: "caption-name", title: name }, name) : null,
      label === null ? null : rc.element("div", { class: "verdict" }, "it is ", rc.element("strong", {}, className(label))),
      side("a", a),
      side("b", b),
    ];
    rc.byId("compare-image-caption").replaceChildren(...parts.filter(Boolean));
    rc.byId("compare-image").setAttribute("aria-label", `Image ${a.ordinal}: ${className(a.prediction)} in A, ${className(b.prediction)} in B`);
  }

  function bar(name, p) {
    const fill = rc.element("span", { class: `bar-fill side-fill-${name}` });
    fill.style.width = `${100 * Math.max(0, Math.min(1, p ?? 0))}%`;
    return rc.element("span", { class: "bar-track" }, fill);
  }

  function drawProbabilities() {
    const { a, b } = pair;
    const label = a.label ?? b.label;
    let shown = a.probabilities.map((_, i) => i);
    if (shown.length > MOST_CLASSES) {
      const most = (i) => Math.max(a.probabilities[i] ?? 0, b.probabilities[i] ?? 0);
      shown = shown.sort((i, j) => most(j) - most(i)).slice(0, MOST_CLASSES);
      if (label !== null && !shown.includes(label)) shown[MOST_CLASSES - 1] = label;
    }
    const text = (p) => (p === null ? "NaN" : `${(100 * p).toFixed(1)}`);
    const rows = shown.map((i) =>
      rc.element(
        "div",
        { class: "pair-bar" + (i === label ? " label" : ""), role: "listitem", "data-class": i },
        rc.element("span", { class: "bar-name", title: className(i) }, className(i)),
        rc.element("span", { class: "pair-tracks" }, bar("a", a.probabilities[i]), bar("b", b.probabilities[i])),
        rc.element(
          "span",
          { class: "pair-values" },
          rc.element("span", { class: "side-text-a" + (i === a.prediction ? " predicted" : "") }, text(a.probabilities[i])),
          rc.element("span", { class: "side-text-b" + (i === b.prediction ? " predicted" : "") }, text(b.probabilities[i])),
        ),
      ),
    );
    rc.byId("compare-probabilities").replaceChildren(...rows);
  }

  async function drawImage() {
    const { found } = rc.compared;
    const mine = pair;
    try {
      const pixels = await rc.fetchPixels(found.a, pair.a.ordinal);
      if (mine === pair) rc.drawPixels(rc.byId("compare-image"), pixels, found.a.shape, null);
    } catch (error) {
      if (mine === pair) rc.notice(`The image could not be read: ${error.message}`);
    }
  }

  const KINDS = { all: "changed", corrected: "corrected", broken: "broken", between: "changed between wrong ones" };

  function drawPlace() {
    const { place, total } = pair;
    const words = place === null ? `not among the ${rc.count(total)} ${KINDS[rc.view.kind]}` : `${rc.count(place + 1)} of ${rc.count(total)} ${KINDS[rc.view.kind]}`;
    rc.setText("compare-pair-place", words);
    rc.byId("compare-pair-previous").disabled = pair.previous === null;
    rc.byId("compare-pair-next").disabled = pair.next === null;
  }

  function tell(at, where) {
    inHand = at;
    grid.ring("ring", at);
    drawLegend(at ? at.layer : null);
    if (!at) {
      rc.tip(null, null);
      return;
    }
    const { name, offset } = built.layers[at.layer];
    const [a, b] = [pair.a.gap[offset + at.filter], pair.b.gap[offset + at.filter]];
    const difference = b - a;
    const sign = difference > 0 ? "+" : "";
    rc.tip([`${name} · filter ${at.filter}`, `A ${rc.number(a)}`, `B ${rc.number(b)}`, `B − A ${sign}${rc.number(difference)}`], where);
  }

  function listen() {
    hand = rc.listenToGrid(grid, rc.byId("grid"), {
      at: () => inHand,
      move: (at, where) => built && tell(at, where),
      choose: () => {},
    });
    rc.byId("grid").addEventListener("keydown", (event) => {
      if (!inHand || !event.key.startsWith("Arrow")) return;
      event.preventDefault();
      event.stopPropagation();
      hand.focus(grid.step(inHand, event.key));
    });
    new ResizeObserver(() => built && grid.layout()).observe(rc.byId("grid"));
  }

  /** Colour the grid again: another image, scale or side; or other colours. */
  rc.paintPair = function () {
    if (!pair || !built || rc.view.image === null) return;
    grid.paint(codes());
    grid.repaint();
    drawLegend(inHand ? inHand.layer : null);
  };

  function take(said) {
    said.a.gap = decode(said.a.gap);
    said.b.gap = decode(said.b.gap);
    pair = said;
    if (!hand) listen();
    if (!built || built.found !== rc.compared.found) {
      built = { ...model(), found: rc.compared.found };
      grid.build(built);
    }
    drawCaption();
    drawProbabilities();
    drawPlace();
    drawImage();
    rc.paintPair();
  }

  /** The changed image before or after the one that is open. */
  rc.stepPair = function (name) {
    if (pair && pair[name] !== null) rc.setView({ image: pair[name] });
  };

  /** Bring the open image in line with the view. */
  rc.drawPair = function () {
    const { found } = rc.compared;
    const open = Boolean(found) && rc.view.image !== null;
    rc.byId("app").classList.toggle("with-pair", open);
    rc.byId("compare-pair").hidden = !open;
    if (!open) {
      asked = "";
      return;
    }
    rc.show("compare-shown", rc.view.shown);
    rc.show("scale", rc.view.scale);
    const key = JSON.stringify([rc.asked(), rc.view.image, rc.view.kind]);
    if (key === asked) {
      rc.paintPair();
      return;
    }
    asked = key;
    ask("image", { image: rc.view.image, kind: rc.view.kind }, take);
  };
})();
