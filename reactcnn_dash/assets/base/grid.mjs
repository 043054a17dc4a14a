/* A filter grid: one SVG a layer, built once, recoloured where a filter's code changed.
   Only blocks in sight have their cells in the page, so that a deep network stays quick. While it is
   panned, blocks that come in sight are drawn as one picture each, since a thousand elements take longer
   than a frame; their cells take its place once the grid stands still. */
import { redness } from "./colours.mjs";
import { contextOf, div, element, span, svg } from "./dom.mjs";
import { count } from "./format.mjs";
import { layOut } from "./geometry.mjs";

/** @import { Geometry } from "./geometry.mjs" */
/** @import { ShownLayer } from "../generated/live.d.ts" */

/** How long the grid must not have moved to stand still, in milliseconds. */
const STILL_MS = 120;

/** A filter: the position of its layer and its number there. @typedef {{ layer: number, filter: number }} At */

/**
 * A layer's part of the grid; `cells` and the codes `painted` are null while it is out of sight.
 * @typedef {object} GridBlock
 * @property {number} index
 * @property {ShownLayer} layer
 * @property {HTMLElement} node
 * @property {HTMLButtonElement} label
 * @property {SVGSVGElement} picture
 * @property {SVGRectElement} ring
 * @property {SVGRectElement} pin
 * @property {HTMLCanvasElement | null} sketch what is drawn instead of cells while the grid is panned
 * @property {SVGRectElement[] | null} cells
 * @property {Int16Array | null} painted
 */

/**
 * What a grid is told by the page.
 * @typedef {object} GridHooks
 * @property {() => HTMLElement} room the element that it stands in
 * @property {string} prefix what the ids of its cells begin with
 * @property {(layer: ShownLayer) => { title: string, label: string }} name what a layer's name says
 * @property {(index: number) => void} choose a layer's name was clicked
 * @property {(index: number) => ArrayLike<number>} scale a layer's table from code to colour code
 * @property {(index: number) => readonly string[]} colours a layer's CSS colours by colour code
 * @property {() => number} [band] the height of what stands below the blocks
 * @property {boolean} [bare] no room is kept for a feature map above the blocks
 * @property {(canvas: HTMLElement) => void} [built] afterwards
 * @property {() => void} [placed] afterwards
 * @property {() => void} [painted] afterwards
 */

/**
 * Whether two places are the same filter.
 * @param {At | null} a
 * @param {At | null} b
 */
export const sameFilter = (a, b) => a === b || (a?.layer === b?.layer && a?.filter === b?.filter);

/** Layer names break at underscores, so that they fit above narrow blocks. @param {string} name */
const broken = (name) =>
  name.split(/(?<=_)/).flatMap((part, i) => (i ? [document.createElement("wbr"), part] : [part]));

/**
 * @param {SVGRectElement} cell
 * @param {number} filter
 * @param {number} columns
 * @param {number} pitch
 */
function placeCell(cell, filter, columns, pitch) {
  cell.setAttribute("x", String((filter % columns) * pitch));
  cell.setAttribute("y", String(Math.floor(filter / columns) * pitch));
  cell.setAttribute("width", String(pitch - 1));
  cell.setAttribute("height", String(pitch - 1));
}

/** Spare the browser a block that is out of sight. @param {GridBlock} block @param {boolean} hidden */
function hide({ node }, hidden) {
  const now = hidden ? "hidden" : "";
  if (node.style.contentVisibility !== now) node.style.contentVisibility = now;
}

export class Grid {
  /** @type {GridBlock[]} */
  blocks = [];
  /** @type {Geometry | null} */
  geometry = null;
  /** @type {ArrayLike<number> | null} */
  codes = null;
  /** @type {HTMLElement | null} */
  canvas = null;
  /** How much larger the cells are than what suits the room. */
  zoom = 1;
  /** @type {readonly ShownLayer[]} */
  #layers = [];
  /** @type {IntersectionObserver | null} */
  #observer = null;
  /** @type {{ layers: readonly number[], filters: Set<number> }} */
  #red = { layers: [], filters: new Set() };
  /** Filters that are cut, by the position of their layer. @type {Map<number, Set<number>>} */
  #gone = new Map();
  /** Blocks in sight whose cells are not in place yet, and blocks out of sight that still have theirs. @type {Set<GridBlock>} */
  #coming = new Set();
  /** @type {Set<GridBlock>} */
  #leaving = new Set();
  #movedAt = Number.NEGATIVE_INFINITY;
  #due = false;
  #hooks;

  /** @param {GridHooks} hooks */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** The geometry of a grid that is built. */
  placed() {
    if (!this.geometry) throw new Error("The grid is not built.");
    return this.geometry;
  }

  /** Where a layer's cells stand. @param {number} layer */
  placeOf(layer) {
    return this.placed().blocks[layer];
  }

  /** Build the grid of some layers into its room. @param {readonly ShownLayer[]} layers */
  build(layers) {
    const room = this.#hooks.room();
    this.#layers = layers;
    this.codes = null;
    this.zoom = 1;
    this.#red = { layers: [], filters: new Set() };
    this.#observer?.disconnect();
    this.#coming.clear();
    this.#leaving.clear();
    room.onscroll = () => {
      this.#movedAt = performance.now();
    };
    this.#observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          const block = this.blocks[Number(/** @type {HTMLElement} */ (entry.target).dataset.layer)];
          if (!block) continue;
          const [to, from] = entry.isIntersecting
            ? [this.#coming, this.#leaving]
            : [this.#leaving, this.#coming];
          to.add(block);
          from.delete(block);
        }
        this.#settle();
      },
      { root: room, rootMargin: "0px 400px" },
    );
    this.blocks = layers.map((layer, index) => this.#makeBlock(layer, index));
    this.canvas = div("canvas", ...this.blocks.map((block) => block.node));
    room.replaceChildren(this.canvas);
    this.#hooks.built?.(this.canvas);
    this.layout();
    for (const block of this.blocks) this.#observer.observe(block.node);
  }

  /** Put the cells of all blocks into the page, in sight or not. */
  fillAll() {
    for (const block of this.blocks) this.#fill(block);
  }

  #panned = () => performance.now() - this.#movedAt < STILL_MS;

  /** Put cells in place and take them away, once the grid stands still; until then draw sketches. */
  #settle() {
    if (this.#panned()) {
      for (const block of this.#coming) {
        hide(block, false);
        if (!block.cells && !block.sketch) this.#sketch(block);
      }
      for (const block of this.#leaving) hide(block, !block.picture.contains(document.activeElement));
      this.#settleLater();
      return;
    }
    for (const block of this.#coming) {
      this.#coming.delete(block);
      hide(block, false);
      const sketched = block.sketch !== null;
      this.#fill(block);
      // What is drawn already need not be there at once.
      if (sketched) break;
    }
    for (const block of this.#leaving) {
      if (this.#coming.size) break;
      this.#leaving.delete(block);
      hide(block, false);
      if (!block.picture.contains(document.activeElement)) this.#empty(block);
    }
    if (this.#coming.size) this.#settleLater();
  }

  #settleLater() {
    if (this.#due) return;
    this.#due = true;
    const again = () => {
      if (this.#panned()) {
        window.setTimeout(again, STILL_MS);
        return;
      }
      this.#due = false;
      this.#settle();
    };
    if (this.#panned()) window.setTimeout(again, STILL_MS);
    else requestAnimationFrame(again);
  }

  /** Place the blocks in the room that the window leaves. */
  layout() {
    if (!this.canvas) return;
    const room = this.#hooks.room();
    const before = this.geometry;
    const geometry = layOut(this.#layers, room.clientWidth, room.clientHeight, this.#hooks.bare, {
      band: this.#hooks.band?.(),
      zoom: this.zoom,
    });
    this.geometry = geometry;
    this.canvas.style.width = `${geometry.width}px`;
    this.canvas.style.height = `${geometry.height}px`;
    for (const block of this.blocks) {
      const place = geometry.blocks[block.index];
      block.node.style.transform = `translate(${place.x}px, ${place.y - geometry.label}px)`;
      block.node.style.width = `${place.width}px`;
      block.node.style.height = `${place.height + geometry.label}px`;
      block.label.style.height = `${geometry.label}px`;
      const beside = geometry.gap - geometry.nameSpace;
      block.label.style.width = `${place.width + beside}px`;
      block.label.style.marginLeft = `${-beside / 2}px`;
      block.picture.setAttribute("width", String(place.width));
      block.picture.setAttribute("height", String(place.height));
      if (block.cells && before?.pitch !== geometry.pitch) {
        block.cells.forEach((cell, i) => {
          placeCell(cell, i, place.columns, geometry.pitch);
        });
        block.ring.setAttribute("visibility", "hidden");
      }
    }
    this.#hooks.placed?.();
  }

  /** Recolour what changed. @param {ArrayLike<number>} codes */
  paint(codes) {
    this.codes = codes;
    for (const block of this.blocks) this.#paintBlock(block);
    this.#hooks.painted?.();
  }

  /** Recolour everything: the colours themselves changed. */
  repaint() {
    for (const block of this.blocks) {
      block.painted?.fill(-1);
      this.#paintBlock(block);
    }
    this.#hooks.painted?.();
  }

  /** Bring a layer into the middle of the room. @param {number} layer */
  bring(layer) {
    if (this.blocks[layer]) hide(this.blocks[layer], false);
    this.blocks[layer]?.node.scrollIntoView({ block: "nearest", inline: "center" });
  }

  /**
   * Zoom, and keep what is at a place of the room where it is.
   * @param {number} zoom 1 for what suits the room
   * @param {{ x: number, y: number }} at in the window
   */
  zoomTo(zoom, at) {
    const room = this.#hooks.room();
    const box = room.getBoundingClientRect();
    const [x, y] = [at.x - box.left, at.y - box.top];
    const { width, height } = this.placed();
    const [across, down] = [(room.scrollLeft + x) / width, (room.scrollTop + y) / height];
    this.zoom = zoom;
    this.layout();
    const now = this.placed();
    room.scrollLeft = across * now.width - x;
    room.scrollTop = down * now.height - y;
  }

  /**
   * Turn a cluster's filters red, in one or several layers; an empty list clears them.
   * @param {readonly number[]} filters
   * @param {...number} layers
   */
  highlight(filters, ...layers) {
    const before = this.#red.layers;
    this.#red = { layers: filters.length ? layers : [], filters: new Set(filters) };
    for (const index of new Set([...before, ...this.#red.layers])) {
      if (this.blocks[index]) this.#markRed(this.blocks[index]);
    }
  }

  /**
   * Turn the filters red that are cut, by the position of their layer; an empty map clears them.
   * @param {Map<number, Set<number>>} filters
   */
  markGone(filters) {
    this.#gone = filters;
    for (const block of this.blocks) this.#markRed(block);
  }

  /** Mark the layer whose clusters are open. @param {number} layer */
  openLayer(layer) {
    const opened = this.blocks[layer];
    if (opened && !opened.node.classList.contains("open")) {
      opened.node.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    for (const block of this.blocks) block.node.classList.toggle("open", block.index === layer);
  }

  /**
   * Ring a filter: `kind` is "ring" for the pointer, "pin" for the pinned one; null clears.
   * @param {"ring" | "pin"} kind
   * @param {At | null} at
   */
  ring(kind, at) {
    for (const block of this.blocks) {
      if (at && block.index === at.layer) this.#placeRing(block[kind], block, at.filter);
      else block[kind].setAttribute("visibility", "hidden");
    }
  }

  /**
   * The filter at a pointer's place, or null in the margin.
   * @param {HTMLElement} picture
   * @param {MouseEvent} event
   * @returns {At | null}
   */
  filterAt(picture, event) {
    const layer = Number(picture.dataset.layer);
    const box = picture.getBoundingClientRect();
    const { columns } = this.placeOf(layer);
    const { pitch } = this.placed();
    const column = Math.floor((event.clientX - box.left) / pitch);
    const row = Math.floor((event.clientY - box.top) / pitch);
    const filter = row * columns + column;
    if (column < 0 || column >= columns || row < 0 || filter >= this.#layers[layer].filters) return null;
    return { layer, filter };
  }

  /**
   * The filter one step away in a direction; steps across blocks at their edges.
   * @param {At} at
   * @param {string} key of an arrow
   * @returns {At}
   */
  step({ layer, filter }, key) {
    const { columns, rows } = this.placeOf(layer);
    const { filters } = this.#layers[layer];
    const row = Math.floor(filter / columns);
    const column = filter % columns;
    const inside = (/** @type {number} */ next) => (next >= 0 && next < filters ? next : filter);
    if (key === "ArrowUp") return { layer, filter: inside(filter - columns) };
    if (key === "ArrowDown") return { layer, filter: inside(filter + columns) };
    const right = key === "ArrowRight";
    const edge = right ? column === columns - 1 || filter === filters - 1 : column === 0;
    if (!edge) return { layer, filter: filter + (right ? 1 : -1) };
    const beside = layer + (right ? 1 : -1);
    if (!this.#layers[beside]) return { layer, filter };
    const there = this.placeOf(beside);
    const line = Math.min(there.rows - 1, Math.round((row * there.rows) / rows));
    const wanted = line * there.columns + (right ? 0 : there.columns - 1);
    return { layer: beside, filter: Math.min(wanted, this.#layers[beside].filters - 1) };
  }

  /**
   * @param {ShownLayer} layer
   * @param {number} index
   * @returns {GridBlock}
   */
  #makeBlock(layer, index) {
    const name = this.#hooks.name(layer);
    const label = element(
      "button",
      {
        class: "block-name",
        type: "button",
        title: name.title,
        "aria-label": name.label,
        onclick: () => this.#hooks.choose(index),
      },
      span("block-title", ...broken(layer.name)),
      " ",
      span("block-filters", count(layer.filters)),
    );
    const picture = svg("svg", {
      class: "block-cells",
      role: "grid",
      tabindex: "0",
      "aria-label": `${layer.name}, ${layer.filters} filters`,
      "data-layer": index,
    });
    const ring = svg("rect", { class: "ring", visibility: "hidden" });
    const pin = svg("rect", { class: "ring pin", visibility: "hidden" });
    const node = element("div", { class: "block", "data-layer": index }, label, picture);
    return { index, layer, node, label, picture, ring, pin, sketch: null, cells: null, painted: null };
  }

  /** @param {GridBlock} block */
  #fill(block) {
    if (block.cells) return;
    const { columns, rows } = this.placeOf(block.index);
    const { pitch } = this.placed();
    const fragment = document.createDocumentFragment();
    block.cells = [];
    for (let row = 0; row < rows; row++) {
      const group = svg("g", { role: "row" });
      const last = Math.min((row + 1) * columns, block.layer.filters);
      for (let filter = row * columns; filter < last; filter++) {
        const cell = svg("rect", {
          class: "cell",
          role: "gridcell",
          id: `${this.#hooks.prefix}-${block.index}-${filter}`,
          "data-filter": filter,
          "aria-label": `filter ${filter}`,
        });
        placeCell(cell, filter, columns, pitch);
        group.append(cell);
        block.cells.push(cell);
      }
      fragment.append(group);
    }
    fragment.append(block.pin, block.ring);
    block.picture.append(fragment);
    block.painted = new Int16Array(block.layer.filters).fill(-1);
    this.#paintBlock(block);
    this.#markRed(block);
    block.sketch?.remove();
    block.sketch = null;
  }

  /** Draw a block's cells as one picture, as they will look. @param {GridBlock} block */
  #sketch(block) {
    if (!this.codes) return;
    const { columns, width, height } = this.placeOf(block.index);
    const { pitch, label } = this.placed();
    const ratio = window.devicePixelRatio || 1;
    block.sketch?.remove();
    const canvas = element("canvas", {
      class: "block-sketch",
      width: Math.round(width * ratio),
      height: Math.round(height * ratio),
    });
    canvas.style.cssText = `top: ${label}px; width: ${width}px; height: ${height}px`;
    const context = contextOf(canvas);
    context.scale(ratio, ratio);
    const css = this.#hooks.colours(block.index);
    const scale = this.#hooks.scale(block.index);
    const { filters: chosen, layers } = this.#red;
    const red = layers.includes(block.index) ? chosen : null;
    const gone = this.#gone.get(block.index);
    const chosenRed = red || gone ? redness() : "";
    for (let i = 0; i < block.layer.filters; i++) {
      const isRed = red?.has(i) || gone?.has(i);
      context.globalAlpha = red && !red.has(i) ? 0.4 : 1;
      context.fillStyle = isRed ? chosenRed : css[scale[this.codes[block.layer.offset + i]]];
      context.fillRect((i % columns) * pitch, Math.floor(i / columns) * pitch, pitch - 1, pitch - 1);
    }
    block.sketch = canvas;
    block.node.append(canvas);
  }

  /** @param {GridBlock} block */
  #empty(block) {
    block.picture.replaceChildren();
    block.sketch?.remove();
    block.sketch = null;
    block.cells = null;
    block.painted = null;
  }

  /** @param {GridBlock} block */
  #paintBlock(block) {
    const { index, layer, cells, painted } = block;
    if (block.sketch && !cells) this.#sketch(block);
    if (!cells || !painted || !this.codes) return;
    const css = this.#hooks.colours(index);
    const scale = this.#hooks.scale(index);
    for (let i = 0; i < layer.filters; i++) {
      const code = scale[this.codes[layer.offset + i]];
      if (painted[i] !== code) {
        painted[i] = code;
        cells[i].setAttribute("fill", css[code]);
      }
    }
  }

  /** @param {GridBlock} block */
  #markRed(block) {
    if (block.sketch && !block.cells) this.#sketch(block);
    const { layers, filters } = this.#red;
    const chosen = layers.includes(block.index);
    block.picture.classList.toggle("has-red", chosen);
    const gone = this.#gone.get(block.index);
    block.picture.classList.toggle("has-gone", gone !== undefined);
    block.cells?.forEach((cell, i) => {
      cell.classList.toggle("red", chosen && filters.has(i));
      cell.classList.toggle("gone", gone?.has(i) ?? false);
    });
  }

  /**
   * @param {SVGRectElement} ring
   * @param {GridBlock} block
   * @param {number} filter
   */
  #placeRing(ring, block, filter) {
    const { columns } = this.placeOf(block.index);
    const { pitch } = this.placed();
    ring.setAttribute("x", String((filter % columns) * pitch - 1));
    ring.setAttribute("y", String(Math.floor(filter / columns) * pitch - 1));
    ring.setAttribute("width", String(pitch + 1));
    ring.setAttribute("height", String(pitch + 1));
    ring.setAttribute("visibility", "visible");
  }
}
