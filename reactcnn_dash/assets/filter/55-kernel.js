/* The filter's weights: as a colour picture and channel by channel, or as norms where channels are many. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const NAMES = { 1: ["grey"], 3: ["red", "green", "blue"], 4: ["red", "green", "blue", "alpha"] };

  function canvas(height, width, colour, words) {
    const node = rc.element("canvas", { class: "kernel-picture pixelated", width, height, role: "img", "aria-label": words, title: words });
    const context = node.getContext("2d");
    const data = context.createImageData(width, height);
    for (let i = 0; i < height * width; i++) data.data.set([...colour(Math.floor(i / width), i % width), 255], 4 * i);
    context.putImageData(data, 0, 0);
    return node;
  }

  const rgb = (colours, code) => [...colours.bytes.subarray(3 * code, 3 * code + 3)];

  const figure = (picture, text) => rc.element("figure", { class: "kernel-figure" }, picture, rc.element("figcaption", {}, text));

  function whole({ weights, size: [height, width], channels }) {
    const most = Math.max(1e-12, ...weights.flat(2).map(Math.abs));
    const names = NAMES[channels] || weights[0][0].map((_, i) => `channel ${i}`);
    const parts = [];
    if (channels === 3) {
      const mixed = (y, x) => weights[y][x].map((w) => Math.round(127.5 + (127.5 * w) / most));
      parts.push(figure(canvas(height, width, mixed, `The kernel as a colour picture, ${height} × ${width}`), "as colour"));
    }
    names.forEach((name, channel) => {
      const code = (y, x) => rgb(rc.diverging(), Math.round(127 + (127 * weights[y][x][channel]) / most));
      parts.push(figure(canvas(height, width, code, `Weights for ${name}, from ${rc.number(-most)} to ${rc.number(most)}`), name));
    });
    return [
      rc.element("div", { class: "kernel-row" }, ...parts),
      rc.element("p", { class: "small" }, `${height} × ${width} × ${channels} weights up to ±${rc.number(most)}. ${channels === 3 ? "Grey is 0; c" : "C"}hannels run from violet (negative) to green (positive).`),
    ];
  }

  function bars({ strongest, source, channels }) {
    const most = Math.max(1e-12, ...strongest.map(([, norm]) => norm));
    const rows = strongest.map(([channel, norm]) => {
      const fill = rc.element("span", { class: "bar-fill" });
      fill.style.width = `${(100 * norm) / most}%`;
      const name = source
        ? rc.filterLink(rc.facts.run.id, source, channel, { class: "bar-name", title: `${rc.addressOf(source, channel)}: open its page` }, `:${channel}`)
        : rc.element("span", { class: "bar-name" }, String(channel));
      return rc.element("div", { class: "bar kernel-bar", role: "listitem" }, name, rc.element("span", { class: "bar-track" }, fill), rc.element("span", { class: "bar-value" }, rc.number(norm)));
    });
    const from = source ? `filters of ${source}` : "input channels";
    return rc.element("div", { class: "kernel-bars", role: "list", "aria-label": `Strongest ${from}` }, rc.element("p", { class: "small" }, `strongest of ${rc.count(channels)} ${from}`), ...rows);
  }

  function norms(kernel) {
    const { spatial, size: [height, width] } = kernel;
    const most = Math.max(1e-12, ...spatial.flat());
    const colour = (y, x) => rgb(rc.colours(), Math.round((254 * spatial[y][x]) / most));
    return [
      rc.element(
        "div",
        { class: "kernel-row" },
        figure(canvas(height, width, colour, `Norm over the channels at each of ${height} × ${width} places, up to ${rc.number(most)}`), `${height} × ${width}, up to ${rc.number(most)}`),
        bars(kernel),
      ),
    ];
  }

  rc.drawKernel = function () {
    const { kernel } = rc.facts;
    if (!kernel) {
      rc.say("filter-kernel", "This run has no kernels stored: it is older than they are. A new run of its checkpoint keeps them.");
      return;
    }
    rc.byId("filter-kernel").replaceChildren(...(kernel.weights ? whole(kernel) : norms(kernel)));
  };
})();
