/* The filters nearest to this one by r, those most opposite, and a scatter plot of one of them. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const trackWidth = () => (window.innerWidth >= 1600 ? 170 : 90);
  const PAD = { left: 40, right: 10, top: 8, bottom: 30 };
  let beside = 0;

  const all = () => [...rc.facts.nearest, ...rc.facts.opposite];
  const signed = (value) => `${value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;
  const interval = ({ low, high }) => `${signed(low)} to ${signed(high)}`;

  /** r and its interval on a line from −1 to 1. */
  function track({ r, low, high }) {
    const width = trackWidth();
    const x = (value) => (((value + 1) / 2) * (width - 8) + 4).toFixed(1);
    return rc.svg(
      "svg",
      { class: "r-track", width, height: 14, "aria-hidden": "true" },
      rc.svg("line", { class: "r-rule", x1: 4, x2: width - 4, y1: 7, y2: 7 }),
      rc.svg("line", { class: "r-rule", x1: x(0), x2: x(0), y1: 3, y2: 11 }),
      rc.svg("line", { class: "r-interval", x1: x(low), x2: x(high), y1: 7, y2: 7 }),
      rc.svg("circle", { class: "r-point", cx: x(r), cy: 7, r: 2.5 }),
    );
  }

  function row(one, place) {
    const { run, layers, layer } = rc.facts;
    const name = layers[layer][0];
    const words = `${rc.addressOf(name, one.filter)}: r ${signed(one.r)}, 95 % interval ${interval(one)}. Open its page`;
    const show = () => {
      if (beside === place) return;
      beside = place;
      drawScatter();
    };
    return rc.filterLink(
      run.id,
      name,
      one.filter,
      { class: "near-row", "aria-label": words, title: words, "data-filter": one.filter, onpointerenter: show, onfocus: show },
      rc.element("span", { class: "near-filter" }, `:${one.filter}`),
      track(one),
      rc.element("span", { class: "near-r" }, signed(one.r)),
      rc.element("span", { class: "near-interval" }, interval(one)),
    );
  }

  function drawScatter() {
    const place = document.querySelector(".scatter");
    const one = all()[beside];
    if (!place || !one) return;
    document.querySelectorAll(".near-row").forEach((node, i) => node.classList.toggle("shown", i === beside));
    const { values, layers, layer, filter, state } = rc.facts;
    const [xs, ys] = [values[0], values[beside + 1]];
    const width = place.clientWidth;
    const height = place.clientHeight;
    const ends = (list) => {
      const known = list.filter((value) => value !== null);
      const [low, high] = [Math.min(...known), Math.max(...known)];
      return high > low ? [low, high] : [low - 0.5, low + 0.5];
    };
    const [x0, x1] = ends(xs);
    const [y0, y1] = ends(ys);
    const x = (value) => PAD.left + ((value - x0) / (x1 - x0)) * (width - PAD.left - PAD.right);
    const y = (value) => height - PAD.bottom - ((value - y0) / (y1 - y0)) * (height - PAD.top - PAD.bottom);
    const text = (words, attributes) => {
      const node = rc.svg("text", { class: "scatter-text", ...attributes });
      node.textContent = words;
      return node;
    };
    const words = `GAP of ${layers[layer][0]}:${filter} against :${one.filter} on ${xs.length} images`;
    const picture = rc.svg(
      "svg",
      { width, height, role: "img", "aria-label": words, "data-filter": one.filter },
      rc.svg("path", { class: "scatter-axis", d: `M${PAD.left},${PAD.top}V${height - PAD.bottom}H${width - PAD.right}` }),
      text(rc.number(x0), { x: PAD.left, y: height - PAD.bottom + 12 }),
      text(rc.number(x1), { x: width - PAD.right, y: height - PAD.bottom + 12, "text-anchor": "end" }),
      text(`GAP of :${filter}`, { x: (PAD.left + width - PAD.right) / 2, y: height - PAD.bottom + 12, "text-anchor": "middle" }),
      text(rc.number(y0), { x: PAD.left - 4, y: height - PAD.bottom, "text-anchor": "end" }),
      text(rc.number(y1), { x: PAD.left - 4, y: PAD.top + 8, "text-anchor": "end" }),
      text(`:${one.filter}`, { x: PAD.left - 4, y: (PAD.top + height - PAD.bottom) / 2, "text-anchor": "end", class: "scatter-text strong" }),
      text(`r ${signed(one.r)} (${interval(one)}) over ${rc.count(state.images)} images, ${rc.count(xs.length)} shown`, { x: PAD.left, y: height - 4 }),
    );
    xs.forEach((value, i) => {
      if (value === null || ys[i] === null) return;
      picture.append(rc.svg("circle", { class: "scatter-point", cx: x(value).toFixed(1), cy: y(ys[i]).toFixed(1), r: 2 }));
    });
    place.replaceChildren(picture);
  }

  rc.drawScatter = drawScatter;

  rc.drawNearest = function () {
    const { nearest, opposite, state } = rc.facts;
    beside = 0;
    if (!nearest.length) {
      const few = state.images < 2 ? "A correlation needs at least two images." : null;
      rc.say("filter-nearest", few || (state.constant ? "A filter that never varies has no correlation." : "No other filter of this layer varies."));
      return;
    }
    const parts = [rc.element("div", { class: "near-list" }, ...nearest.map((one, i) => row(one, i)))];
    if (opposite.length) {
      const rows = opposite.map((one, i) => row(one, nearest.length + i));
      parts.push(rc.element("h3", { class: "near-title" }, "Most opposite"), rc.element("div", { class: "near-list" }, ...rows));
    }
    rc.byId("filter-nearest").replaceChildren(...parts, rc.element("div", { class: "scatter" }));
    drawScatter();
  };
})();
