/* The filter's weights: as a colour picture and channel by channel, or as norms where channels are many. */
import { colours, diverging, rgb } from "../base/colours.mjs";
import { byId, div, element, paragraph, span, track } from "../base/dom.mjs";
import { count, filterAddress, number } from "../base/format.mjs";
import { paint } from "../base/pixels.mjs";
import * as ids from "../generated/ids.mjs";
import { CODES } from "../generated/rules.mjs";
import { known, say } from "./facts.mjs";
import { filterLink } from "./view.mjs";

/** @import { FilterKernel } from "../generated/filter.d.ts" */

/** @type {Record<number, string[]>} */
const NAMES = { 1: ["grey"], 3: ["red", "green", "blue"], 4: ["red", "green", "blue", "alpha"] };
const LEAST = 1e-12;

/**
 * A picture of one height and width with its caption.
 * @param {readonly [number, number]} size
 * @param {(y: number, x: number) => ArrayLike<number>} colour
 * @param {string} words
 * @param {string} caption
 */
function figureOf([height, width], colour, words, caption) {
  const canvas = element("canvas", {
    class: "kernel-picture pixelated",
    role: "img",
    "aria-label": words,
    title: words,
  });
  paint(canvas, height, width, (i, out, at) => out.set(colour(Math.floor(i / width), i % width), at));
  return element("figure", { class: "kernel-figure" }, canvas, element("figcaption", {}, caption));
}

/** @param {FilterKernel} kernel @param {number[][][]} weights */
function whole({ size, channels }, weights) {
  const [height, width] = size;
  const most = Math.max(LEAST, ...weights.flat(2).map(Math.abs));
  const names = NAMES[channels] ?? weights[0][0].map((_, i) => `channel ${i}`);
  const half = CODES / 2;
  const parts = names.map((name, channel) =>
    figureOf(
      size,
      (y, x) => rgb(diverging(), Math.round(half + (half * weights[y][x][channel]) / most)),
      `Weights for ${name}, from ${number(-most)} to ${number(most)}`,
      name,
    ),
  );
  if (channels === 3) {
    const mixed = (/** @type {number} */ y, /** @type {number} */ x) =>
      weights[y][x].map((weight) => Math.round(127.5 + (127.5 * weight) / most));
    parts.unshift(figureOf(size, mixed, `The kernel as a colour picture, ${height} × ${width}`, "as colour"));
  }
  const grey = channels === 3 ? "Grey is 0; channels" : "Channels";
  return [
    div("kernel-row", ...parts),
    paragraph(
      "small",
      `${height} × ${width} × ${channels} weights up to ±${number(most)}. ${grey} run from violet (negative) to green (positive).`,
    ),
  ];
}

/** @param {FilterKernel} kernel */
function bars({ strongest, source, channels }) {
  const most = Math.max(LEAST, ...strongest.map(([, norm]) => norm));
  const rows = strongest.map(([channel, norm]) => {
    const name = source
      ? filterLink(
          known().run.id,
          source,
          channel,
          { class: "bar-name", title: `${filterAddress(source, channel)}: open its page` },
          `:${channel}`,
        )
      : span("bar-name", String(channel));
    return element(
      "div",
      { class: "bar kernel-bar", role: "listitem" },
      name,
      track(norm / most),
      span("bar-value", number(norm)),
    );
  });
  const from = source ? `filters of ${source}` : "input channels";
  return element(
    "div",
    { class: "kernel-bars", role: "list", "aria-label": `Strongest ${from}` },
    paragraph("small", `strongest of ${count(channels)} ${from}`),
    ...rows,
  );
}

/** @param {FilterKernel} kernel */
function norms(kernel) {
  const { spatial, size } = kernel;
  const most = Math.max(LEAST, ...spatial.flat());
  const places = size.join(" × ");
  const picture = figureOf(
    size,
    (y, x) => rgb(colours(), Math.round((CODES * spatial[y][x]) / most)),
    `Norm over the channels at each of ${places} places, up to ${number(most)}`,
    `${places}, up to ${number(most)}`,
  );
  return [div("kernel-row", picture, bars(kernel))];
}

export function drawKernel() {
  const { kernel } = known();
  if (!kernel) {
    say(
      ids.FILTER_KERNEL,
      "This run has no kernels stored: it is older than they are. A new run of its checkpoint keeps them.",
    );
    return;
  }
  const { weights } = kernel;
  byId(ids.FILTER_KERNEL).replaceChildren(...(weights ? whole(kernel, weights) : norms(kernel)));
}
