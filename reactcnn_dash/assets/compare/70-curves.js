/* An experiment: each figure of its epochs as a curve, known pair by pair. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const PAD = { left: 40, right: 10, top: 26, bottom: 22 };
  const LABEL = 34;
  let wanted = "";
  let said = null;

  /** What is drawn. `of(pair)` gives one value or one a layer; `ends` are both runs' own figures. */
  const CHARTS = [
    { name: "Accuracy", runs: (pair) => pair.accuracy, percent: true, without: "no image has a label" },
    { name: "Mean confidence", runs: (pair) => pair.confidence, percent: true },
    { name: "Changed predictions", pair: (one) => one.changed / one.images, percent: true, from: 0 },
    { name: "Linear CKA", pair: (one) => one.cka, from: 0, to: 1 },
    { name: "Clusters: ARI", pair: (one) => one.ari, to: 1 },
    { name: "Clusters: NMI", pair: (one) => one.nmi, from: 0, to: 1 },
    { name: "Same-index r (median)", pair: (one) => one.same, to: 1 },
    { name: "Filters with a sure match", pair: (one) => one.sure, percent: true, from: 0, to: 1 },
    { name: "Dead filters", runs: (pair) => pair.deadA.map((a, i) => [a, pair.deadB[i]]), layers: true, counts: true, from: 0 },
    { name: "Constant filters", runs: (pair) => pair.constantA.map((a, i) => [a, pair.constantB[i]]), layers: true, counts: true, from: 0 },
    { name: "Filters that died", pair: (one) => one.died, counts: true, from: 0 },
    { name: "Filters that came alive", pair: (one) => one.alive, counts: true, from: 0 },
  ];

  /** The epoch of a run; without one its name, less that of the experiment: "final". */
  function epochOf(run) {
    if (run.epoch !== null) return run.epoch;
    const head = `${said.name} · `;
    return run.name.startsWith(head) ? run.name.slice(head.length) : run.name;
  }

  const called = (run) => (run.epoch === null ? epochOf(run) : `Epoch ${run.epoch}`);

  /** Where the epochs stand along the axis, from 0 to 1: by number, evenly if they have none. */
  function places() {
    const epochs = said.runs.map((run) => run.epoch);
    const span = epochs[epochs.length - 1] - epochs[0];
    const numbered = epochs.every((epoch, i) => epoch !== null && (i === 0 || epoch > epochs[i - 1]));
    return epochs.map((epoch, i) => (numbered && span ? (epoch - epochs[0]) / span : i / Math.max(1, epochs.length - 1)));
  }

  /** The run of a pair whose epoch the pair stands at. */
  const placeOf = (pair) => (said.against === "last" ? pair.a : pair.b);

  const known = () => said.pairs.filter((pair) => pair.layers);

  /** One list of values by run for each line: a line a layer, or one for the whole. */
  function lines(chart) {
    const at = new Map(said.runs.map((run, i) => [run.id, i]));
    const count = said.runs.length;
    const result = new Map();
    const put = (layer, run, value) => {
      if (!result.has(layer)) result.set(layer, new Array(count).fill(null));
      if (value !== null && value !== undefined) result.get(layer)[at.get(run)] = value;
    };
    for (const pair of known()) {
      if (chart.pair) {
        const values = chart.pair(pair);
        if (Array.isArray(values)) pair.layers.forEach((layer, i) => put(layer, placeOf(pair), values[i]));
        else put("", placeOf(pair), values);
      } else {
        const values = chart.runs(pair);
        if (!values) continue;
        const put2 = (layer, [a, b]) => {
          put(layer, pair.a, a);
          put(layer, pair.b, b);
        };
        if (chart.layers) pair.layers.forEach((layer, i) => put2(layer, values[i]));
        else put2("", values);
      }
    }
    return result;
  }

  /** From the lowest to the highest value, or as far as the figure goes by its nature. */
  function domain(chart, all) {
    const values = [...all.values()].flat().filter((value) => value !== null);
    if (!values.length) return [0, 1];
    const low = Math.min(chart.from ?? Infinity, ...values);
    const high = Math.max(chart.to ?? -Infinity, ...values);
    if (high - low > 1e-9) return [low, high];
    // All the same: some room around it, so that it is a line and not an edge.
    const room = chart.counts ? 1 : 0.05;
    return [Math.max(chart.from ?? -Infinity, low - room), Math.min(chart.to ?? Infinity, high + room)];
  }

  /** A value at the axis, with as many digits as tell its neighbours apart. */
  function tick(chart, value, span) {
    if (chart.percent) return `${(100 * value).toFixed(span < 0.1 ? 1 : 0)} %`;
    if (chart.counts) return Number.isInteger(value) || span >= 5 ? rc.count(Math.round(value)) : "";
    return value.toFixed(span < 0.05 ? 3 : 2);
  }

  function show(value, chart) {
    if (value === null) return "–";
    if (chart.percent) return rc.percent(value, 1);
    return Number.isInteger(value) ? rc.count(value) : value.toFixed(3);
  }

  function axis(chart, [low, high], { width, height, x, y }) {
    const parts = [];
    for (const value of [low, (low + high) / 2, high]) {
      const at = y(value);
      parts.push(rc.svg("line", { class: "chart-rule", x1: PAD.left, x2: width - PAD.right, y1: at, y2: at }));
      const text = rc.svg("text", { class: "chart-tick", x: PAD.left - 5, y: at + 3.5, "text-anchor": "end" });
      text.textContent = tick(chart, value, high - low);
      parts.push(text);
    }
    const last = said.runs.length - 1;
    let taken = -Infinity;
    said.runs.forEach((run, i) => {
      const crowded = x(i) - taken < LABEL || (i !== last && x(last) - x(i) < LABEL);
      if (crowded && i !== last) return;
      taken = x(i);
      const text = rc.svg("text", { class: "chart-tick", x: x(i), y: height - 6, "text-anchor": "middle" });
      text.textContent = String(epochOf(run)).slice(0, 9);
      parts.push(text);
    });
    return parts;
  }

  function curve(values, x, y) {
    let path = "";
    let open = false;
    values.forEach((value, i) => {
      if (value === null) return;
      path += `${open ? "L" : "M"}${x(i).toFixed(1)},${y(value).toFixed(1)}`;
      open = true;
    });
    return path;
  }

  function colourOf(layer, i, count) {
    if (!layer) return "var(--accent)";
    const code = Math.round(70 + (184 * i) / Math.max(1, count - 1));
    return rc.colours().css[code];
  }

  /** The pair that a click on an epoch opens. */
  function pairAt(i) {
    const run = said.runs[i].id;
    return said.pairs.find((pair) => placeOf(pair) === run) || said.pairs.find((pair) => pair.a === run || pair.b === run);
  }

  function openPair(i) {
    const pair = pairAt(i);
    rc.setView({ experiment: null, a: pair.a, b: pair.b, image: null, page: 1, cluster: null });
  }

  function tipLines(chart, all, i) {
    const chosen = chosenLayer();
    const head = called(said.runs[i]);
    if (all.has("")) return [`${chart.name} ${show(all.get("")[i], chart)}`, head];
    if (chosen && all.has(chosen)) return [`${chart.name} ${show(all.get(chosen)[i], chart)}`, `${chosen} · ${head.toLowerCase()}`];
    const values = [...all].map(([layer, line]) => [layer, line[i]]).filter(([, value]) => value !== null);
    if (!values.length) return [head, "not known yet"];
    values.sort(([, one], [, other]) => one - other);
    const [lowest, highest] = [values[0], values[values.length - 1]];
    return [`${chart.name} · ${head.toLowerCase()}`, `highest: ${highest[0]} ${show(highest[1], chart)}`, `lowest: ${lowest[0]} ${show(lowest[1], chart)}`];
  }

  const chosenLayer = () => (known().some((pair) => pair.layers.includes(rc.view.layer)) ? rc.view.layer : null);

  function bands(chart, all, frame, first) {
    const { width, height, x } = frame;
    const last = said.runs.length - 1;
    // Each epoch has the room up to the middle between it and its neighbours.
    const edge = (i) => (i < 0 ? PAD.left : i >= last ? width : (x(i) + x(i + 1)) / 2);
    return said.runs.map((run, i) => {
      const words = `${called(run)}: ${tipLines(chart, all, i)[0]}. Open its comparison`;
      const band = rc.svg("rect", {
        class: "chart-band",
        x: edge(i - 1),
        y: PAD.top - 6,
        width: edge(i) - edge(i - 1),
        height: height - PAD.top - PAD.bottom + 12,
        role: "button",
        "aria-label": words,
        tabindex: first ? "0" : "-1",
        "data-epoch": epochOf(run),
      });
      band.addEventListener("pointermove", (event) => rc.tip(tipLines(chart, all, i), { x: event.clientX, y: event.clientY }));
      band.addEventListener("click", () => openPair(i));
      band.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") openPair(i);
      });
      return band;
    });
  }

  function drawChart(chart, width, height, first) {
    const all = lines(chart);
    const [low, high] = domain(chart, all);
    const at = places();
    const x = (i) => PAD.left + 8 + at[i] * (width - PAD.left - PAD.right - 16);
    const y = (value) => PAD.top + (1 - (value - low) / (high - low)) * (height - PAD.top - PAD.bottom);
    const frame = { width, height, x, y };
    const picture = rc.svg("svg", { class: "chart-picture", width, height, role: "group", "aria-label": chart.name, "data-chart": chart.name });
    const title = rc.svg("text", { class: "chart-title", x: PAD.left - 30, y: 14 });
    title.textContent = chart.name;
    picture.append(title);
    if (chart.without && !all.size && known().length) {
      const words = rc.svg("text", { class: "chart-tick", x: width / 2, y: height / 2, "text-anchor": "middle" });
      words.textContent = chart.without;
      picture.append(words);
      return rc.element("div", { class: "chart" }, picture);
    }
    picture.append(...axis(chart, [low, high], frame));
    const chosen = chosenLayer();
    const names = [...all.keys()];
    const order = [...names].sort((one, other) => (one === chosen) - (other === chosen));
    for (const name of order) {
      const faint = chosen && name && name !== chosen;
      const strong = !name || name === chosen;
      const values = all.get(name);
      const colour = name && name === chosen ? "var(--accent)" : colourOf(name, names.indexOf(name), names.length);
      picture.append(rc.svg("path", { class: "chart-line" + (faint ? " faint" : "") + (strong ? " strong" : ""), d: curve(values, x, y), stroke: colour, "data-layer": name }));
      const alone = values.filter((value) => value !== null).length < 2;
      values.forEach((value, i) => {
        if (value !== null && (strong || alone) && !faint) picture.append(rc.svg("circle", { cx: x(i), cy: y(value), r: strong ? 3 : 2, fill: colour, class: "chart-point" }));
      });
    }
    picture.append(...bands(chart, all, frame, first));
    picture.addEventListener("pointerleave", () => rc.tip(null, null));
    return rc.element("div", { class: "chart" }, picture);
  }

  function chips() {
    const layers = [...new Set(known().flatMap((pair) => pair.layers))];
    const chosen = chosenLayer();
    return rc.element(
      "div",
      { class: "curve-layers", role: "group", "aria-label": "Layer" },
      rc.element("span", { class: "small" }, "Layer"),
      ...layers.map((layer, i) => {
        const swatch = rc.element("span", { class: "swatch" });
        swatch.style.background = colourOf(layer, i, layers.length);
        return rc.element(
          "button",
          { class: "chip", type: "button", "aria-pressed": String(layer === chosen), onclick: () => rc.setView({ layer: layer === chosen ? null : layer }) },
          swatch,
          layer,
        );
      }),
    );
  }

  function failures() {
    const failed = said.pairs.filter((pair) => pair.message);
    if (!failed.length) return null;
    return rc.element("p", { class: "small curve-failures" }, `${rc.count(failed.length)} of ${rc.count(said.pairs.length)} pairs do not compare: ${failed[0].message}`);
  }

  const NAMES = { last: "the last", first: "the first", previous: "the one before" };

  /** Draw all charts into the room there is. */
  rc.drawCurves = function () {
    const place = rc.byId("compare-curves");
    const open = rc.view.experiment !== null && said !== null;
    place.hidden = !open;
    if (!open) return;
    const head = `${said.name}: ${rc.count(said.runs.length)} epochs, each against ${NAMES[said.against]}. Click an epoch to open its comparison.`;
    const charts = rc.element("div", { class: "charts" });
    place.replaceChildren(...[rc.element("p", { class: "curves-head" }, head), failures(), chips(), charts].filter(Boolean));
    const across = charts.clientWidth >= 1500 ? 5 : 4;
    const down = Math.ceil(CHARTS.length / across);
    const width = Math.floor((charts.clientWidth - 12 * (across - 1)) / across);
    const height = Math.max(140, Math.min(300, Math.floor((charts.clientHeight - 12 * (down - 1)) / down)));
    charts.style.gridTemplateColumns = `repeat(${across}, ${width}px)`;
    charts.append(...CHARTS.map((chart, i) => drawChart(chart, width, height, i === 0)));
  };

  function running(waiting) {
    said = waiting;
    rc.progress(waiting, `${rc.count(waiting.known)} of ${rc.count(waiting.pairs.length)} pairs compared · `);
    rc.drawCurves();
  }

  /** Bring the curves in line with the view. */
  rc.askExperiment = async function () {
    const { experiment, against, method, parameter } = rc.view;
    const asked = { name: experiment, against, method, parameter };
    const key = experiment ? JSON.stringify(asked) : "";
    if (key === wanted) {
      rc.drawCurves();
      return;
    }
    wanted = key;
    said = null;
    rc.drawCurves();
    if (!key) return;
    const still = () => key === wanted;
    rc.notice(null);
    try {
      const done = await rc.askUntilDone("experiment", asked, still, running);
      if (!done) return;
      said = done;
      rc.progress(null);
      rc.drawCurves();
    } catch (error) {
      if (!still()) return;
      rc.progress(null);
      rc.notice(error.message);
    }
  };
})();
