/* Colour scales: from a code of 0 to 254 to a colour. Deep is large, in the light and in the dark. */
import { AMBER, BOTH_WAYS, CODES, NOT_FINITE, ONE_SIDED } from "../generated/rules.mjs";
import { element, span } from "./dom.mjs";
import { goesBothWays } from "./scales.mjs";
import { explained } from "./terms.mjs";

/** @import { Range } from "./scales.mjs" */

/** @typedef {"light" | "dark"} Scheme */

/**
 * The colours of a scale by code, the last for what is not finite: `css`, and `bytes` as RGB triples.
 * @typedef {{ bytes: Uint8Array, css: string[], gradient: string }} Scale
 */

// From "A is larger" over nought to "B is larger": the colours that A and B have on the page.
const DIVERGING = {
  light: ["#43178a", "#7d50c8", "#bba2e6", "#eff0f5", "#95d3ca", "#22958a", "#04504a"],
  dark: ["#d3b8ff", "#9d72e6", "#4d3b7c", "#232a36", "#1f5653", "#22a395", "#86f0e2"],
};
const ATTRIBUTE = "data-mantine-color-scheme";
const KEPT_AS = "mantine-color-scheme-value";

/** @param {string} hex */
const channels = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));

/**
 * The colours of the codes 0 to 254 as RGB triples, in even steps through some stops.
 * @param {readonly string[]} stops
 */
export function ramp(stops) {
  const colours = stops.map(channels);
  const bytes = new Uint8Array((CODES + 1) * 3);
  for (let code = 0; code <= CODES; code++) {
    const place = (code / CODES) * (colours.length - 1);
    const at = Math.min(Math.floor(place), colours.length - 2);
    for (let c = 0; c < 3; c++) {
      const from = colours[at][c];
      bytes[3 * code + c] = Math.round(from + (colours[at + 1][c] - from) * (place - at));
    }
  }
  return bytes;
}

/**
 * @param {Record<string, string[]>} stops
 * @param {Scheme} scheme
 * @returns {Scale}
 */
function scaleOf(stops, scheme) {
  const bytes = Uint8Array.from([...ramp(stops[scheme]), ...channels(AMBER[scheme])]);
  const css = Array.from(
    { length: CODES + 1 },
    (_, i) => `rgb(${bytes.subarray(3 * i, 3 * i + 3).join(",")})`,
  );
  css[NOT_FINITE] = AMBER[scheme];
  return { bytes, css, gradient: `linear-gradient(to right, ${stops[scheme].join(", ")})` };
}

/** @param {Record<string, string[]>} stops */
const both = (stops) => ({ light: scaleOf(stops, "light"), dark: scaleOf(stops, "dark") });

const oneSided = both(ONE_SIDED);
const signed = both(BOTH_WAYS);
const differences = both(DIVERGING);

/** @returns {Scheme} */
const scheme = () => (document.documentElement.getAttribute(ATTRIBUTE) === "dark" ? "dark" : "light");

/** The current scheme's colours. */
export const colours = () => oneSided[scheme()];

/** The same for values that go both ways: code 127 is 0, above it are the colours of the one-sided scale. */
export const bothWays = () => signed[scheme()];

/** The colours of a scale by its ends. @param {Range} range */
export const coloursOf = (range) => (goesBothWays(range) ? bothWays() : colours());

/** The same for differences: code 127 is nought, 0 and 254 are its ends. */
export const diverging = () => differences[scheme()];

/**
 * A code's colour as red, green and blue.
 * @param {Scale} scale
 * @param {number} code
 */
export const rgb = (scale, code) => scale.bytes.subarray(3 * code, 3 * code + 3);

/** The current scheme's red, which is that of what is selected. */
export const redness = () => getComputedStyle(document.documentElement).getPropertyValue("--red").trim();

/** From light to dark, or back; the choice is kept. */
export function switchScheme() {
  const next = scheme() === "dark" ? "light" : "dark";
  window.localStorage.setItem(KEPT_AS, next);
  document.documentElement.setAttribute(ATTRIBUTE, next);
}

/**
 * Call `changed` when the person switches between light and dark.
 * @param {() => void} changed
 */
export function onScheme(changed) {
  new MutationObserver(changed).observe(document.documentElement, {
    attributes: true,
    attributeFilter: [ATTRIBUTE],
  });
}

/**
 * Draw a legend: its title, what stands at its ends (and between), and what amber means.
 * @param {HTMLElement} node
 * @param {string} title
 * @param {readonly string[]} ends
 * @param {string} gradient
 * @param {string | null} amber
 */
export function legend(node, title, ends, gradient, amber) {
  const drawn = JSON.stringify([title, ends, gradient, amber]);
  // Who reads what a word of it means is not to lose it at the next image.
  if (node.dataset.drawn === drawn && node.firstElementChild) return;
  node.dataset.drawn = drawn;
  node.style.setProperty("--not-finite", AMBER[scheme()]);
  const bar = span("legend-bar");
  bar.style.background = gradient;
  node.replaceChildren(
    span("legend-title", ...explained(title)),
    span("legend-scale", element("span", {}, ends[0]), bar, element("span", {}, ends[1])),
    ...(amber ? [span("legend-nan", amber)] : []),
  );
}
