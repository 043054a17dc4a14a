/* The cluster flow: from the clusters of A to those of B, and the filters of both beside it. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const BAR = 12;
  const LABEL = 74;
  const HEAD = 22;
  const SPACE = 3;
  const SINGLE = "single";
  const CONSTANT = "constant";
  const GREY = "#a3abb8";
  const DARK_GREY = "#6b7280";
  let layout = null;
  let hand = null;

  const grid = rc.makeGrid({
    room: () => rc.byId("compare-flow-grid"),
    prefix: "flow",
    bare: true,
    name: (layer) => ({ title: `The layer's filters in ${layer.name}, by cluster`, label: `Filters in ${layer.name}` }),
    choose: () => {},
    scale: () => layout.identity,
    colours: () => layout.css,
  });

  /** Where each filter stands: its cluster, or with all others that are alone, or that never vary. */
  function groupsOf(labels) {
    const sizes = new Map();
    for (const label of labels) sizes.set(label, (sizes.get(label) || 0) + 1);
    return labels.map((label) => (label < 0 ? CONSTANT : sizes.get(label) > 1 ? String(label) : SINGLE));
  }

  function ordered(groups) {
    const rank = (key) => (key === CONSTANT ? 1e9 : key === SINGLE ? 1e8 : Number(key));
    const filters = new Map();
    groups.forEach((key, filter) => filters.set(key, [...(filters.get(key) || []), filter]));
    return [...filters].sort(([one], [other]) => rank(one) - rank(other));
  }

  const colourOf = (key, said) => (key === CONSTANT ? DARK_GREY : key === SINGLE ? GREY : said.colours[key]);

  const nameOf = (key) => (key === SINGLE ? "single" : key === CONSTANT ? "never vary" : `cluster ${key}`);

  /** Take in the filters of a layer: nodes of both sides, bands between them, and the grid. */
  rc.buildFlow = function (said) {
    const sides = { a: groupsOf(said.a), b: groupsOf(said.b) };
    const nodes = { a: ordered(sides.a), b: ordered(sides.b) };
    const bands = new Map();
    sides.a.forEach((key, filter) => {
      const name = `${key}>${sides.b[filter]}`;
      bands.set(name, [...(bands.get(name) || []), filter]);
    });
    const keys = [...new Set([...sides.a, ...sides.b])];
    const codes = new Uint16Array(2 * said.a.length);
    [...sides.a, ...sides.b].forEach((key, i) => (codes[i] = keys.indexOf(key)));
    layout = {
      said,
      sides,
      nodes,
      bands,
      codes,
      identity: keys.map((_, i) => i),
      css: keys.map((key) => colourOf(key, said)),
    };
    grid.blocks = [];
  };

  function buildGrid() {
    if (grid.blocks.length) {
      grid.layout();
      return;
    }
    const { filters, height, width, kind } = rc.chosenLayer();
    const block = (name, offset) => ({ name, filters, height, width, kind, offset });
    grid.build({ layers: [block("A", 0), block("B", filters)] });
    grid.paint(layout.codes);
  }

  /** The filters behind what is selected, as in "a:3", "b:single" or "a:3>b:5"; null for nothing. */
  function filtersOf(text) {
    const found = /^(?:a:([^>]+)>b:(.+)|([ab]):(.+))$/.exec(text || "");
    if (!found) return null;
    const [, from, to, side, key] = found;
    if (side) return layout.sides[side].flatMap((one, filter) => (one === key ? [filter] : []));
    return layout.bands.get(`${from}>${to}`) || null;
  }

  /** Whether a node or band is what is selected, or a band that leaves or reaches it. */
  const belongs = (text, chosen) => text === chosen || text.startsWith(`${chosen}>`) || text.endsWith(`>${chosen}`);

  const choose = (text) => rc.setView({ cluster: rc.view.cluster === text ? null : text });

  function pressable(node, text, words, lines) {
    node.setAttribute("data-cluster", text);
    node.setAttribute("aria-label", words);
    node.addEventListener("click", () => choose(text));
    node.addEventListener("pointermove", (event) => rc.tip(lines, { x: event.clientX, y: event.clientY }));
    return node;
  }

  /** Places of one side's nodes: the same pixels a filter on both sides. */
  function stack(nodes, unit) {
    const places = new Map();
    let y = HEAD;
    for (const [key, filters] of nodes) {
      places.set(key, { y, height: filters.length * unit, filters, used: 0 });
      y += filters.length * unit + SPACE;
    }
    return places;
  }

  function drawNode(side, key, { y, height, filters }, x, width) {
    const words = `${nameOf(key)} of ${side.toUpperCase()}, ${rc.count(filters.length)} ${filters.length === 1 ? "filter" : "filters"}`;
    const node = rc.svg("g", { class: "flow-node", role: "button", tabindex: "0" });
    node.append(rc.svg("rect", { x, y, width: BAR, height: Math.max(1, height), rx: 2, fill: colourOf(key, layout.said) }));
    if (height >= 9) {
      const left = side === "a";
      const text = rc.svg("text", { x: left ? x - 5 : x + BAR + 5, y: y + height / 2 + 3.5, "text-anchor": left ? "end" : "start" });
      text.textContent = `${nameOf(key).replace("cluster ", "")} · ${filters.length}`;
      node.append(text);
    }
    // A thin node is still to be hit.
    node.append(rc.svg("rect", { x: side === "a" ? 0 : x, y: y - 1, width: side === "a" ? x + BAR : width - x, height: Math.max(4, height + 2), class: "flow-hit" }));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(`${side}:${key}`);
    });
    return pressable(node, `${side}:${key}`, words, [words]);
  }

  function drawBand(name, filters, places, unit, [left, right]) {
    const [from, to] = name.split(">");
    const height = filters.length * unit;
    const a = places.a.get(from);
    const b = places.b.get(to);
    const [y0, y1] = [a.y + a.used, b.y + b.used];
    a.used += height;
    b.used += height;
    const middle = (left + right) / 2;
    const band = rc.svg("path", {
      class: "flow-band",
      d: `M${left},${y0} C${middle},${y0} ${middle},${y1} ${right},${y1} v${height} C${middle},${y1 + height} ${middle},${y0 + height} ${left},${y0 + height} z`,
      fill: colourOf(from, layout.said),
    });
    const words = `${rc.count(filters.length)} ${filters.length === 1 ? "filter" : "filters"} from ${nameOf(from)} of A to ${nameOf(to)} of B`;
    return pressable(band, `a:${from}>b:${to}`, words, [words]);
  }

  function drawPicture() {
    const place = rc.byId("compare-flow");
    const { clientWidth: width, clientHeight: height } = place;
    const { nodes, bands, said } = layout;
    const most = Math.max(nodes.a.length, nodes.b.length);
    const unit = Math.max(0.2, (height - HEAD - 4 - SPACE * most) / said.a.length);
    const places = { a: stack(nodes.a, unit), b: stack(nodes.b, unit) };
    const [left, right] = [LABEL + BAR, width - LABEL - BAR];
    const ends = (map) => Math.max(...[...map.values()].map((one) => one.y + one.height));
    const picture = rc.svg("svg", {
      class: "flow-picture",
      role: "group",
      "aria-label": `From the clusters of A to those of B, ${rc.chosenLayer().name}`,
      width,
      height: Math.max(ends(places.a), ends(places.b)) + 4,
    });
    for (const [text, x, anchor] of [["A", left, "end"], ["B", right, "start"]]) {
      const title = rc.svg("text", { x, y: 13, "text-anchor": anchor, class: `flow-title side-text-${text.toLowerCase()}` });
      title.textContent = text;
      picture.append(title);
    }
    const rank = (side, key) => nodes[side].findIndex(([one]) => one === key);
    const sorted = [...bands].sort(([one], [other]) => {
      const [a, b] = [one.split(">"), other.split(">")];
      return rank("a", a[0]) - rank("a", b[0]) || rank("b", a[1]) - rank("b", b[1]);
    });
    for (const [name, filters] of sorted) picture.append(drawBand(name, filters, places, unit, [left, right]));
    for (const [key, one] of places.a) picture.append(drawNode("a", key, one, LABEL, width));
    for (const [key, one] of places.b) picture.append(drawNode("b", key, one, right, width));
    picture.addEventListener("pointerleave", () => rc.tip(null, null));
    place.replaceChildren(picture);
  }

  function drawCaption(filters) {
    const { name, ari, nmi, parameter } = rc.chosenLayer();
    const symbol = rc.method(rc.view.method).symbol;
    if (!filters) {
      rc.setText("compare-flow-caption", `Clusters of ${name} at ${symbol} = ${parameter}: ARI ${rc.figure(ari)}, NMI ${rc.figure(nmi)}. Click a cluster or a band: its filters turn red in A and B.`);
      return;
    }
    const shown = filters.slice(0, 24).join(", ");
    rc.setText("compare-flow-caption", `${rc.count(filters.length)} ${filters.length === 1 ? "filter" : "filters"} of ${name}: ${shown}${filters.length > 24 ? ", …" : ""}`);
  }

  function tellFilter(at, place) {
    grid.ring("ring", at);
    if (!at) {
      rc.tip(null, null);
      return;
    }
    const { sides } = layout;
    const lines = [`${rc.chosenLayer().name} · filter ${at.filter}`, `in A: ${nameOf(sides.a[at.filter])}`, `in B: ${nameOf(sides.b[at.filter])}`];
    rc.tip(lines, place);
    inHand = at;
  }

  let inHand = null;

  function listen() {
    hand = rc.listenToGrid(grid, rc.byId("compare-flow-grid"), {
      at: () => inHand,
      move: (at, place) => {
        inHand = at;
        tellFilter(at, place);
      },
      choose: ({ layer, filter }) => {
        const side = layer === 0 ? "a" : "b";
        choose(`${side}:${layout.sides[side][filter]}`);
      },
    });
    rc.byId("compare-flow-grid").addEventListener("keydown", (event) => {
      if (!inHand) return;
      if (event.key.startsWith("Arrow")) hand.focus(grid.step(inHand, event.key));
      else if (event.key === "Enter") choose(`${inHand.layer ? "b" : "a"}:${layout.sides[inHand.layer ? "b" : "a"][inHand.filter]}`);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /** Bring the flow in line with the view. */
  rc.drawFlow = function (resized) {
    if (!rc.filters || rc.view.tab !== "flow" || !rc.compared.found) return;
    if (!hand) listen();
    const stands = rc.byId("compare-flow").dataset.layer === rc.filters.layer && !resized && grid.blocks.length;
    if (!stands) {
      buildGrid();
      drawPicture();
      rc.byId("compare-flow").dataset.layer = rc.filters.layer;
    }
    const filters = filtersOf(rc.view.cluster);
    grid.highlight(filters || [], 0, 1);
    for (const node of rc.byId("compare-flow").querySelectorAll("[data-cluster]")) {
      node.classList.toggle("chosen", Boolean(filters) && belongs(node.dataset.cluster, rc.view.cluster));
    }
    rc.byId("compare-flow").classList.toggle("has-chosen", Boolean(filters));
    drawCaption(filters);
  };
})();
