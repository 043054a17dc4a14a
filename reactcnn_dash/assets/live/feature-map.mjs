/* The feature map above a layer's block, and its light on the input image. */
import { div, element } from "../base/dom.mjs";
import { number } from "../base/format.mjs";
import { placeOfMap } from "../base/geometry.mjs";
import { sameFilter } from "../base/grid.mjs";
import { drawMap, mapOf } from "../base/pixels.mjs";
import { grid } from "./grid.mjs";
import { setLight } from "./image.mjs";
import { withoutMaps } from "./maps-again.mjs";
import { hideSeen, listenToCells } from "./seen.mjs";
import { address, filterText, layers, pageOf, pinned } from "./shown.mjs";

/** @import { At } from "../base/grid.mjs" */
/** @import { Entry } from "./layer-data.mjs" */

const picture = element("canvas", { class: "map-picture pixelated", role: "img", tabindex: "0" });
const cells = div("map-cells", picture);
const caption = div("map-caption");
const page = element("a", { class: "map-page" }, "↗");
const foot = div("map-foot", caption, page);
const box = element("div", { class: "map", hidden: "" }, cells, foot);

listenToCells(picture, pinned);

/** Put the map's element into the grid's canvas. @param {HTMLElement} canvas */
export const attachMap = (canvas) => canvas.append(box);

/** @param {number} layer */
function place(layer) {
  const geometry = grid.placed();
  const { left, top } = placeOfMap(geometry, layer);
  const size = `${geometry.map}px`;
  box.style.width = size;
  picture.style.width = size;
  picture.style.height = size;
  box.style.transform = `translate(${left}px, ${top}px)`;
}

/** Why there is no map, "" while that is not known; null when there is one. @param {Entry} entry @param {At} at */
function problemOf({ error, value }, at) {
  if (error) return error;
  if (!value) return "";
  if (!value.maps) return "not stored for this image";
  return Number.isNaN(value.maps.step[at.filter]) ? "NaN or infinite" : null;
}

/** Take the map away. */
export function hideMap() {
  box.hidden = true;
  hideSeen();
  setLight(null);
}

/** Show a filter's map. @param {At} at @param {Entry} entry */
export function showMap(at, entry) {
  const problem = problemOf(entry, at);
  const maps = entry.value?.maps;
  box.classList.toggle("without", problem !== null);
  if (problem === null && maps) {
    const map = mapOf(maps, at.filter, layers()[at.layer]);
    drawMap(picture, map);
    picture.dataset.signed = String(map.signed);
    const [low, step] = [maps.low[at.filter], maps.step[at.filter]];
    caption.textContent =
      step === 0 ? `${number(low)} everywhere` : `${number(low)} … ${number(low + 255 * step)}`;
    setLight(map);
  } else {
    if (entry.value && !maps) caption.replaceChildren(...withoutMaps());
    else caption.textContent = problem;
    setLight(null);
  }
  picture.setAttribute("aria-label", `Feature map of ${address(at)}`);
  if (picture.dataset.address !== filterText(at)) hideSeen();
  picture.dataset.address = filterText(at);
  box.classList.toggle("held", problem === null && sameFilter(at, pinned()));
  page.href = pageOf(at);
  page.title = `The page of ${address(at)} (F)`;
  page.setAttribute("aria-label", page.title);
  place(at.layer);
  box.hidden = problem === "";
}
