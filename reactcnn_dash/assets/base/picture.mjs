/* Elements as a picture: they and the page's rules, drawn by the browser as an SVG image. */
import * as ids from "../generated/ids.mjs";
import { byId, contextOf, div, element, svg } from "./dom.mjs";
import { fileName, save } from "./files.mjs";
import { addressOf } from "./links.mjs";

const SCALE = 2;
// Above, browsers refuse a canvas.
const LARGEST_SIDE = 16000;

function rules() {
  const sheets = [...document.styleSheets, ...document.adoptedStyleSheets];
  const all = sheets.flatMap((sheet) => [...sheet.cssRules].map((rule) => rule.cssText));
  return [...all, "* { scrollbar-width: none !important; }"].join("\n");
}

/**
 * Nodes of a kind in the page, each with its copy.
 * @template {Element} T
 * @param {Element} from
 * @param {Element} to
 * @param {string} kind
 * @returns {[T, T][]}
 */
function pairs(from, to, kind) {
  const copies = /** @type {NodeListOf<T>} */ (to.querySelectorAll(kind));
  return [.../** @type {NodeListOf<T>} */ (from.querySelectorAll(kind))].map((node, i) => [node, copies[i]]);
}

/**
 * A copy of an element that looks the same outside the page.
 * @param {HTMLElement} node
 * @param {Element | null} whole what is shown from its beginning, however it is scrolled
 */
function copied(node, whole) {
  const copy = /** @type {HTMLElement} */ (node.cloneNode(true));
  for (const [input, other] of /** @type {[HTMLInputElement, HTMLInputElement][]} */ (
    pairs(node, copy, "input")
  )) {
    other.setAttribute("value", input.value);
    if (input.checked) other.setAttribute("checked", "");
  }
  for (const [scrolled, other] of pairs(node, copy, "*")) {
    // A copy stands at its beginning; what was scrolled to is moved there.
    if (scrolled === whole || (!scrolled.scrollTop && !scrolled.scrollLeft)) continue;
    for (const child of other.children) {
      if (child instanceof HTMLElement)
        child.style.translate = `${-scrolled.scrollLeft}px ${-scrolled.scrollTop}px`;
    }
  }
  for (const [canvas, other] of /** @type {[HTMLCanvasElement, HTMLCanvasElement][]} */ (
    pairs(node, copy, "canvas")
  )) {
    // A copy is empty: what was painted becomes its background.
    if (canvas.width && canvas.height) {
      other.style.background = `center / contain no-repeat url("${canvas.toDataURL()}")`;
    }
  }
  return copy;
}

/**
 * @param {Element} content
 * @param {number} width
 * @param {number} height
 */
function drawing(content, width, height) {
  const body = element("body", { class: document.body.className }, content);
  const attributes = [...document.documentElement.attributes].map(({ name, value }) => [name, value]);
  const picture = svg(
    "svg",
    // Rules for the root and for the body hold for these.
    { ...Object.fromEntries(attributes), width, height },
    svg("style", {}, rules()),
    svg("foreignObject", { width: "100%", height: "100%" }, body),
  );
  // What is measured in rem goes by the size of letters at the root.
  picture.style.fontSize = window.getComputedStyle(document.documentElement).fontSize;
  const text = new XMLSerializer().serializeToString(picture);
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}

/**
 * The height that an element would have in the page at a width.
 * @param {HTMLElement} node
 * @param {number} width
 */
function heightAt(node, width) {
  const room = div("off-screen", node);
  room.style.width = `${width}px`;
  document.body.append(room);
  const { height } = node.getBoundingClientRect();
  room.remove();
  return height;
}

/**
 * Draw an element that is not in the page, as it would look there at a width.
 * @param {HTMLElement} node
 * @param {number} width
 */
export const drawApart = (node, width) => draw(node, width, heightAt(node, width));

/**
 * Draw an element into a picture of a size in CSS pixels.
 * @param {Element} content
 * @param {number} width
 * @param {number} height
 * @returns {Promise<Blob>}
 */
async function draw(content, width, height) {
  const image = new Image();
  image.src = drawing(content, width, height);
  await image.decode();
  const scale = Math.min(SCALE, LARGEST_SIDE / Math.max(width, height));
  const canvas = element("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  const context = contextOf(canvas);
  context.fillStyle = window.getComputedStyle(document.body).backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, fail) => {
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("it is too large"))), "image/png");
  });
}

/**
 * The page as it stands.
 * @param {object} [options]
 * @param {HTMLElement | null} [options.head] stands above it
 * @param {HTMLElement | null} [options.whole] a part that is shown whole where it would be scrolled
 * @returns {Promise<Blob>}
 */
export async function drawPage({ head = null, whole = null } = {}) {
  const app = byId(ids.APP);
  const { width, height } = app.getBoundingClientRect();
  const [across, down] = whole
    ? [whole.scrollWidth - whole.clientWidth, whole.scrollHeight - whole.clientHeight]
    : [0, 0];
  const copy = copied(app, whole);
  copy.style.height = `${height + down}px`;
  const above = head ? heightAt(head, width + across) : 0;
  return draw(element("div", {}, head, copy), width + across, height + down + above);
}

/** Save this page as a picture. */
export async function savePage() {
  const { pathname, search } = window.location;
  const path = pathname.slice(addressOf("").length);
  save(await drawPage(), `${fileName(`reactcnn${path}${search}`)}.png`);
}
