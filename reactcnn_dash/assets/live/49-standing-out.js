/* The panel "What stands out": the image's score in words, its layers and filters in order. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const { deviations } = rc;
  const panel = (rc.standingOut = {});
  const MOST_LAYERS = 5;
  const MOST_LEFT = 5;
  const MOST_FILTERS = 8;

  /** How far the work is, its present stage: first what is usual is learnt, then images are scored. */
  panel.progress = ({ done, total, behind }) => (total ? `${Math.floor((100 * done) / total)} %` : behind ? "waiting for other work to end" : "beginning");

  const score = (value) => value.toFixed(2).replace("-", "−");

  function verdict({ score: value, threshold }) {
    const rate = Number(rc.view.rate);
    const cases = `${Number((100 * (1 - rate)).toFixed(1))} % of cases`;
    if (value === null) return ["Odd: ", "it has values that are NaN or infinite.", true];
    if (threshold === null) {
      return [`${score(value)}. `, `At ${100 * rate} % false alarms no threshold can be told from so few images; it takes about ${rc.count(Math.round(2 / rate))}.`, false];
    }
    const odd = value > threshold;
    return [odd ? `Odd: ${score(value)}. ` : `Usual: ${score(value)}. `, `Usual images stay below ${score(threshold)} in ${cases}.`, odd];
  }

  function reveal({ layer }) {
    rc.grid.blocks[layer].node.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** A filter as a link: pointing at it rings it, a click pins it and brings it in sight. */
  function filterLink(at, value, title) {
    const ring = () => rc.pointer.move(at, null);
    const free = () => rc.pointer.move(null, null);
    return rc.element(
      "button",
      {
        class: "odd-link",
        type: "button",
        title,
        onmouseenter: ring,
        onmouseleave: free,
        onfocus: ring,
        onblur: free,
        onclick: () => {
          reveal(at);
          rc.setView({ filter: rc.filterText(at) });
        },
      },
      rc.element("span", { class: "odd-name" }, rc.address(at)),
      rc.element("span", { class: "odd-value" }, value),
    );
  }

  function farthest({ codes }, index) {
    const { offset, filters } = rc.shown.model.layers[index];
    let best = 0;
    const off = (i) => (codes[offset + i] === 255 ? Infinity : Math.abs(codes[offset + i] - 127));
    for (let i = 1; i < filters; i++) if (off(i) > off(best)) best = i;
    return best;
  }

  function layerLink(known, layer) {
    const name = (on) => rc.grid.blocks[layer.index].node.classList.toggle("named", on);
    return rc.element(
      "button",
      {
        class: "odd-link",
        type: "button",
        title: `${layer.name}: ${rc.layerOdds.words(layer)}. Click to walk through its filters, from the one farthest off.`,
        onmouseenter: () => name(true),
        onmouseleave: () => name(false),
        onfocus: () => name(true),
        onblur: () => name(false),
        onclick: () => rc.pointer.focusFilter({ layer: layer.index, filter: farthest(known, layer.index) }),
      },
      rc.element("span", { class: "odd-name" }, layer.name),
      rc.element("span", { class: "odd-more" }, `1 in ${rc.count(Math.round(1 / layer.tail))}`),
      rc.element("span", { class: "odd-chip", "data-level": rc.layerOdds.level(layer) }, rc.layerOdds.strangeness(layer)),
    );
  }

  const list = (rows) => rc.element("ol", { class: "odd-list" }, ...rows.map((row) => rc.element("li", {}, row)));

  const section = (title, note, content) => [
    rc.element("h3", { class: "section" }, title),
    note ? rc.element("p", { class: "small" }, note) : null,
    content,
  ];

  function layersOf(known) {
    const ranked = rc.layerOdds.ranked(known.layers).filter((layer) => rc.layerOdds.level(layer) > 0);
    const note = ranked.length ? null : "None stands out: in each, more than 5 % of usual images are as far off.";
    const rows = ranked.slice(0, MOST_LAYERS).map((layer) => layerLink(known, layer));
    return section("Layers", note, rows.length ? list(rows) : null);
  }

  function leftOf(known) {
    if (!known.left.length) return [];
    const rows = known.left.slice(0, MOST_LEFT).map((one) => {
      const others = one.mates === 1 ? "1 other" : `${rc.count(one.mates)} others`;
      const link = filterLink(one, rc.signed(one.deviation), `${rc.signed(one.deviation)} usual deviations from what its cluster lets one expect`);
      const words = `usually moves with ${others}; here it does not: expected ${rc.number(one.expected)}, found ${rc.number(one.found)}`;
      return rc.element("div", {}, link, rc.element("p", { class: "small" }, words));
    });
    return section("Left their cluster", null, list(rows));
  }

  function filtersOf(known) {
    if (!known.suspects.length) return [];
    const rows = known.suspects
      .slice(0, MOST_FILTERS)
      .map((one) => filterLink(one, rc.signed(one.deviation), `${rc.address(one)}: ${rc.signed(one.deviation)} standard deviations of what usually stays unexplained`));
    return section("Filters", "explained neither by the layer before nor by their own", list(rows));
  }

  function waiting(status) {
    const bar = rc.element("progress", { max: status.total || 1, "aria-label": "Finding out what is usual" });
    if (status.total) bar.value = status.done;
    return [
      rc.element("p", {}, "Finding out what is usual for this run, and scoring its images: once, then it is stored."),
      bar,
      rc.element("p", { class: "small" }, panel.progress(status)),
    ];
  }

  function content() {
    const { status } = deviations;
    if (status?.status === "running") return waiting(status);
    if (status) return [rc.element("p", { class: "odd-told" }, status.message)];
    const known = deviations.ofImage();
    if (!known) return null;
    if (known.message) return [rc.element("p", { class: "odd-told" }, known.message)];
    const [head, rest, odd] = verdict(known);
    return [
      rc.element("p", { class: `odd-verdict${odd ? " is-odd" : ""}` }, rc.element("strong", {}, head), rest),
      ...layersOf(known),
      ...leftOf(known),
      ...filtersOf(known),
    ];
  }

  function drawCount() {
    const known = deviations.ofRun();
    const are = known?.count === 1 ? "is" : "are";
    rc.setText("odd-count", known ? `${rc.count(known.count)} of ${rc.count(known.scored)} images ${are} odd` : "");
  }

  const toWhole = () => rc.setView({ layer: null, cluster: null });

  /** One line above the clusters that hide the panel: the work under way, or the verdict. */
  function drawInShort(status, known) {
    const [head] = known && !known.message ? verdict(known) : ["What stands out"];
    const words = status?.status === "running" ? `Learning: ${panel.progress(status)}` : head.trim().replace(/\.$/, "");
    const text = `${words} →`;
    const place = rc.byId("odd-in-short");
    if (place.textContent === text) return;
    const title = "What stands out about this image: close the clusters, and see";
    place.replaceChildren(rc.element("button", { class: "text-button", type: "button", title, onclick: toWhole }, text));
  }

  let shown = null;

  /** Draw the panel; what was in hand there stays in hand. */
  panel.draw = function () {
    const place = rc.byId("standing-out-body");
    if (!place || !rc.deviating()) return;
    drawCount();
    const known = deviations.ofImage();
    drawInShort(deviations.status, known);
    place.classList.toggle("behind", !known && !deviations.status);
    const state = deviations.status ? JSON.stringify(deviations.status) : known;
    // Another image of the run: the former stays until this one is known.
    if (!state && deviations.image?.uuid === rc.shown.run?.uuid) return;
    if (state === shown) return;
    shown = state;
    const parts = content() || [];
    const links = [...place.querySelectorAll(".odd-link")];
    const held = links.indexOf(document.activeElement);
    if (held >= 0 || place.matches(":hover")) rc.pointer.move(null, null);
    for (const block of rc.grid.blocks) block.node.classList.remove("named");
    place.replaceChildren(...parts.filter(Boolean));
    if (held >= 0) place.querySelectorAll(".odd-link")[held]?.focus();
  };
})();
