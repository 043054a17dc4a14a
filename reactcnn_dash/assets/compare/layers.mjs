/* The layers: their table, and the matrix of every layer of A with every layer of B. */
import { onChoose, text } from "../base/chart.mjs";
import { colours, rgb } from "../base/colours.mjs";
import { fillPlace, setProps } from "../base/dash.mjs";
import { byId, setText, svg } from "../base/dom.mjs";
import { count, figure } from "../base/format.mjs";
import { hideTip, tellAt } from "../base/tip.mjs";
import * as ids from "../generated/ids.mjs";
import { CODES } from "../generated/rules.mjs";
import { chosenLayer, compared } from "./comparison.mjs";
import { ofLayer, view } from "./view.mjs";

/** @import { Compared } from "../generated/compare.d.ts" */

/** A cell's width and height. @typedef {readonly [number, number]} CellSize */

const NAME = 92;
const HEAD = 30;
const LEAST = 9;
/** @type {string | null} */
let tableRow = null;
let inPlace = false;

/** @param {string} name */
const chooseLayer = (name) => view.set({ layer: name, cluster: null });

/** A row of the table was chosen, by mouse or keyboard. @param {{ name: string }[]} rows */
export function chooseLayerRow(rows) {
  if (!Array.isArray(rows) || !rows.length || rows[0].name === tableRow) return;
  tableRow = rows[0].name;
  chooseLayer(tableRow);
  if (!ofLayer()) view.set({ tab: "filters" });
}

/** Select a row of the table unless it is: the table reports its own choices back. @param {string} name */
function selectRow(name) {
  if (name === tableRow || !inPlace) return;
  tableRow = name;
  setProps(ids.COMPARE_LAYERS, { selectedRows: { ids: [name] } });
}

/** Fill the table with a comparison's layers. @param {Compared | null} found without one it is out of sight, and stays */
export async function fillLayers(found) {
  if (!found) return;
  byId(ids.APP).style.setProperty("--layers", String(found.layers.length));
  await fillPlace(ids.COMPARE_LAYERS_PLACE);
  if (found !== compared.found) return;
  inPlace = true;
  tableRow = null;
  setProps(ids.COMPARE_LAYERS, { rowData: found.layers });
  markLayer(found);
}

/** Dark ink on a light cell, light ink on a dark one. @param {number} code */
function inkOn(code) {
  const [r, g, b] = rgb(colours(), code);
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#1a2230" : "#ffffff";
}

/**
 * @param {number | null} value
 * @param {readonly [string, string]} names of the layer in A and in B
 * @param {readonly [number, number]} place
 * @param {CellSize} size
 */
function cell(value, [a, b], [x, y], [width, height]) {
  const code = value === null ? null : Math.round(CODES * Math.max(0, Math.min(1, value)));
  const r = figure(value);
  const words = value === null ? "–" : value.toFixed(2).replace(/^0/, "");
  const written = width >= 26 && height >= 11;
  const said = `${a} in A, ${b} in B: CKA ${r}`;
  const node = svg(
    "g",
    { role: "gridcell", class: "matrix-cell", "aria-label": written ? `${words}. ${said}` : said },
    svg("rect", {
      x,
      y,
      width: width - 1,
      height: height - 1,
      fill: code === null ? "var(--track)" : colours().css[code],
    }),
  );
  if (written) {
    const fill = code === null ? "var(--ink-faint)" : inkOn(code);
    node.append(text(words, x + (width - 1) / 2, y + height / 2 + 3, "middle", { class: null, fill }));
  }
  tellAt(node, () => [`CKA ${r}`, `${a} in A, ${b} in B`]);
  return node;
}

/**
 * @param {Compared} found
 * @param {number} i
 * @param {CellSize} size
 */
function row({ layers, cka }, i, size) {
  const { name } = layers[i];
  const [width, height] = size;
  const y = HEAD + i * height;
  const label = height >= 10 || i % 3 === 0 ? name : "";
  const node = svg(
    "g",
    { role: "row", class: "matrix-row", tabindex: "0", "data-layer": name, "aria-label": `${name} in A` },
    text(label, NAME - 6, y + height / 2 + 3.5, "end", { class: "matrix-name" }),
    ...cka[i].map((value, j) => cell(value, [name, layers[j].name], [NAME + j * width, y], size)),
    svg("rect", {
      class: "matrix-ring",
      x: NAME - 1.5,
      y: y - 1.5,
      width: width * layers.length + 1,
      height: height + 1,
    }),
  );
  onChoose(node, () => chooseLayer(name));
  return node;
}

/** Draw the matrix into the room that the table leaves. */
export function drawMatrix() {
  const place = byId(ids.COMPARE_MATRIX);
  const { found } = compared;
  if (!found) {
    place.replaceChildren();
    return;
  }
  const { layers, ckaImages, images } = found;
  const n = layers.length;
  const across = (place.clientWidth - NAME - 2) / n;
  const down = Math.max(LEAST, Math.min(34, (place.clientHeight - HEAD - 4) / n));
  /** @type {CellSize} */
  const size = [Math.max(LEAST, Math.min(across, 3.2 * down)), down];
  const some = ckaImages < images ? `, off its diagonal over ${count(ckaImages)} of the images` : "";
  const numbered = layers.flatMap((_, j) => (size[0] < 16 && (j + 1) % 5 ? [] : [j]));
  const picture = svg(
    "svg",
    {
      class: "matrix-picture",
      role: "grid",
      "aria-label": "CKA of every layer of A with every layer of B",
      width: NAME + size[0] * n + 2,
      height: HEAD + size[1] * n + 2,
    },
    text(`CKA of each layer of A (rows) with each of B (columns)${some}`, 0, 11, "start", {
      class: "matrix-title",
    }),
    ...numbered.map((j) =>
      text(j + 1, NAME + (j + 0.5) * size[0], HEAD - 4, "middle", { class: "matrix-name" }),
    ),
    ...layers.map((_, i) => row(found, i, size)),
  );
  picture.addEventListener("pointerleave", hideTip);
  place.replaceChildren(picture);
  markLayer(found);
}

/** Mark the chosen layer in table and matrix. @param {Compared} found */
export function markLayer(found) {
  const { name } = chosenLayer(found);
  selectRow(name);
  const rows = /** @type {NodeListOf<SVGElement>} */ (
    byId(ids.COMPARE_MATRIX).querySelectorAll(".matrix-row")
  );
  for (const node of rows) {
    node.classList.toggle("chosen", node.dataset.layer === name);
    node.setAttribute("aria-selected", String(node.dataset.layer === name));
  }
  setText(ids.COMPARE_LAYER, ofLayer() ? name : "");
}
