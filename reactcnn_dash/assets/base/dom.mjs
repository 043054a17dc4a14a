/* Elements: finding and making them. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * The element of an id, which is in the page and of a kind.
 * @template {Element} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function byId(id, kind) {
  const node = document.getElementById(id);
  if (!(node instanceof (kind ?? HTMLElement))) throw new Error(`The page has no ${id}.`);
  return /** @type {T} */ (/** @type {unknown} */ (node));
}

/** @param {string} id */
export const button = (id) => byId(id, HTMLButtonElement);

/** @param {string} id */
export const link = (id) => byId(id, HTMLAnchorElement);

/** @param {string} id */
export const canvasOf = (id) => byId(id, HTMLCanvasElement);

/**
 * Attributes of an element by name; `class` too, and listeners as `onclick` and the like. Those that
 * are null are left out.
 * @typedef {Record<string, string | number | null | undefined | ((event: any) => void)>} Attributes
 */

/** @typedef {Node | string | null | undefined} Child */

/**
 * @param {Element} node
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
}

/**
 * Make an element; children that are null are left out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} attributes
 * @param {...Child} children
 */
export function element(tag, attributes, ...children) {
  const node = document.createElement(tag);
  fill(node, attributes, children);
  return node;
}

/** A box by its class. @param {string} look @param {...Child} children */
export const div = (look, ...children) => element("div", { class: look }, ...children);

/** A part of a line by its class. @param {string} look @param {...Child} children */
export const span = (look, ...children) => element("span", { class: look }, ...children);

/** A paragraph by its class. @param {string} look @param {...Child} children */
export const paragraph = (look, ...children) => element("p", { class: look }, ...children);

/** A button that shows words. @param {string} words @param {() => unknown} act @param {Attributes} [more] */
export const textButton = (words, act, more = {}) =>
  element("button", { class: "text-button", type: "button", onclick: act, ...more }, words);

/** A button with an icon. @param {string} shape @param {string} label @param {() => unknown} act @param {Attributes} [more] */
export const toolButton = (shape, label, act, more = {}) =>
  element(
    "button",
    { class: "tool", type: "button", title: label, "aria-label": label, onclick: act, ...more },
    element("span", { class: `icon icon-${shape}`, "aria-hidden": "true" }),
  );

/**
 * A table of one head and any rows, with sums below them.
 * @param {Attributes} attributes
 * @param {readonly Child[]} heads
 * @param {readonly Node[]} rows
 * @param {...Node} sums
 */
export const tableOf = (attributes, heads, rows, ...sums) =>
  element(
    "table",
    attributes,
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...rows),
    sums.length ? element("tfoot", {}, ...sums) : null,
  );

/**
 * Make an element of a drawing.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} attributes
 * @param {...Child} children
 */
export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  fill(node, attributes, children);
  return node;
}

/**
 * @param {string} id
 * @param {string} text
 */
export function setText(id, text) {
  const node = byId(id);
  if (node.textContent !== text) node.textContent = text;
}

/**
 * A column of a bar chart in words: a track that is filled to a share from 0 to 1.
 * @param {number} share
 * @param {string} [kind] more classes of the fill
 */
export function track(share, kind = "") {
  const fillOf = span(`bar-fill ${kind}`.trim());
  fillOf.style.width = `${100 * Math.max(0, Math.min(1, share))}%`;
  return span("bar-track", fillOf);
}

/**
 * The context of a canvas.
 * @param {HTMLCanvasElement} canvas
 */
export function contextOf(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("The browser gives no room to draw in.");
  return context;
}

/**
 * The element that an event came from, or the nearest around it that matches; null for none.
 * @param {Event} event
 * @param {string} selector
 */
export const around = (event, selector) =>
  event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest(selector)) : null;

/**
 * Copy text; the old way is needed on plain-http addresses other than this machine.
 * @param {string} text
 */
export async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = element("textarea", { class: "off-screen" });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/**
 * A button that copies a text and says so for a moment.
 * @param {string} words
 * @param {() => string} text
 * @param {(error: Error) => void} [failed]
 */
export function copyButton(words, text, failed) {
  const node = textButton(words, async () => {
    try {
      await copy(text());
    } catch (error) {
      if (!failed) throw error;
      failed(/** @type {Error} */ (error));
      return;
    }
    node.textContent = "Copied";
    window.setTimeout(() => {
      node.textContent = words;
    }, 1500);
  });
  return node;
}
