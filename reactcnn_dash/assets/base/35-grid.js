/* A filter grid: one SVG a layer, built once, recoloured where a filter's code changed.
   Only blocks in sight have their cells in the page, so that a deep network stays quick. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const SVG = "http://www.w3.org/2000/svg";

  rc.svg = function (tag, attributes, ...children) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  /** Layer names break at underscores, so that they fit above narrow blocks. */
  rc.brokenName = function (name) {
    const parts = name.split(/(?<=_)/);
    return parts.flatMap((part, i) => (i ? [document.createElement("wbr"), part] : [part]));
  };

  function placeCell(cell, filter, across, pitch) {
    cell.setAttribute("x", (filter % across) * pitch);
    cell.setAttribute("y", Math.floor(filter / across) * pitch);
    cell.setAttribute("width", pitch - 1);
    cell.setAttribute("height", pitch - 1);
  }

  /** Make a grid.

      hooks.room()         the element that it stands in
      hooks.prefix         what the ids of its cells begin with
      hooks.name(layer)    {title, label}: what a layer's name says of itself
      hooks.choose(index)  a layer's name was clicked
      hooks.scale(index)   a layer's table from code to colour code
      hooks.colours()      CSS colours by colour code
      hooks.bare           true: no room is kept for a feature map above the blocks
      hooks.built(canvas), hooks.placed()   afterwards, each optional */
  rc.makeGrid = function (hooks) {
    const grid = { blocks: [], geometry: null, canvas: null, codes: null };
    let model = null;
    let observer = null;
    let red = { layers: [], filters: new Set() };

    function makeBlock(layer, index) {
      const name = hooks.name(layer);
      const label = rc.element(
        "button",
        {
          class: "block-name",
          type: "button",
          title: name.title,
          "aria-label": name.label,
          onclick: () => hooks.choose(index),
        },
        rc.element("span", { class: "block-title" }, ...rc.brokenName(layer.name)),
        rc.element("span", { class: "block-filters" }, rc.count(layer.filters)),
      );
      const picture = rc.svg("svg", {
        class: "block-cells",
        role: "grid",
        tabindex: "0",
        "aria-label": `${layer.name}, ${layer.filters} filters`,
        "data-layer": index,
      });
      const ring = rc.svg("rect", { class: "ring", visibility: "hidden" });
      const pin = rc.svg("rect", { class: "ring pin", visibility: "hidden" });
      const node = rc.element("div", { class: "block", "data-layer": index }, label, picture);
      return { index, layer, node, label, picture, ring, pin, cells: null, painted: null };
    }

    function fill(block) {
      if (block.cells) return;
      const { columns, rows } = grid.geometry.blocks[block.index];
      const pitch = grid.geometry.pitch;
      const fragment = document.createDocumentFragment();
      block.cells = [];
      for (let row = 0; row < rows; row++) {
        const group = rc.svg("g", { role: "row" });
        const last = Math.min((row + 1) * columns, block.layer.filters);
        for (let filter = row * columns; filter < last; filter++) {
          const cell = rc.svg("rect", {
            class: "cell",
            role: "gridcell",
            id: `${hooks.prefix}-${block.index}-${filter}`,
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
      paintBlock(block);
      markRed(block);
    }

    function empty(block) {
      block.picture.replaceChildren();
      block.cells = null;
      block.painted = null;
    }

    /** Build the grid of a model into its room. */
    grid.build = function (shownModel) {
      model = shownModel;
      grid.codes = null;
      red = { layers: [], filters: new Set() };
      if (observer) observer.disconnect();
      observer = new IntersectionObserver(
        (entries) => {
          for (const entry of entries) {
            const block = grid.blocks[Number(entry.target.dataset.layer)];
            if (!block) continue;
            if (entry.isIntersecting) fill(block);
            else if (!block.picture.contains(document.activeElement)) empty(block);
          }
        },
        { root: hooks.room(), rootMargin: "0px 400px" },
      );
      grid.blocks = model.layers.map(makeBlock);
      grid.canvas = rc.element("div", { class: "canvas" }, ...grid.blocks.map((block) => block.node));
      hooks.room().replaceChildren(grid.canvas);
      if (hooks.built) hooks.built(grid.canvas);
      grid.layout();
      for (const block of grid.blocks) observer.observe(block.node);
    };

    /** Place the blocks in the room that the window leaves. */
    grid.layout = function () {
      if (!model) return;
      const room = hooks.room();
      const before = grid.geometry;
      const geometry = rc.geometry(model.layers, room.clientWidth, room.clientHeight, hooks.bare);
      grid.geometry = geometry;
      grid.canvas.style.width = `${geometry.width}px`;
      grid.canvas.style.height = `${geometry.height}px`;
      for (const block of grid.blocks) {
        const place = geometry.blocks[block.index];
        block.node.style.transform = `translate(${place.x}px, ${place.y - geometry.label}px)`;
        block.node.style.width = `${place.width}px`;
        block.node.style.height = `${place.height + geometry.label}px`;
        block.label.style.height = `${geometry.label}px`;
        const beside = geometry.gap - geometry.nameSpace;
        block.label.style.width = `${place.width + beside}px`;
        block.label.style.marginLeft = `${-beside / 2}px`;
        block.picture.setAttribute("width", place.width);
        block.picture.setAttribute("height", place.height);
        if (block.cells && before && before.pitch !== geometry.pitch) {
          block.cells.forEach((cell, i) => placeCell(cell, i, place.columns, geometry.pitch));
          block.ring.setAttribute("visibility", "hidden");
        }
      }
      if (hooks.placed) hooks.placed();
    };

    function paintBlock(block) {
      if (!block.cells || !grid.codes) return;
      const { offset, filters } = block.layer;
      const css = hooks.colours();
      const { cells, painted } = block;
      const scale = hooks.scale(block.index);
      for (let i = 0; i < filters; i++) {
        const code = scale[grid.codes[offset + i]];
        if (painted[i] !== code) {
          painted[i] = code;
          cells[i].setAttribute("fill", css[code]);
        }
      }
    }

    /** Recolour what changed. */
    grid.paint = function (codes) {
      grid.codes = codes;
      for (const block of grid.blocks) paintBlock(block);
    };

    /** Recolour everything: the colours themselves changed. */
    grid.repaint = function () {
      for (const block of grid.blocks) {
        if (block.painted) block.painted.fill(-1);
        paintBlock(block);
      }
    };

    function markRed(block) {
      const chosen = red.layers.includes(block.index);
      block.picture.classList.toggle("has-red", chosen);
      if (!block.cells) return;
      block.cells.forEach((cell, i) => cell.classList.toggle("red", chosen && red.filters.has(i)));
    }

    /** Turn a cluster's filters red, in one or several layers; an empty list clears them. */
    grid.highlight = function (filters, ...layers) {
      const before = red.layers;
      red = { layers: filters.length ? layers : [], filters: new Set(filters) };
      for (const index of new Set([...before, ...red.layers])) {
        if (grid.blocks[index]) markRed(grid.blocks[index]);
      }
    };

    /** Mark the layer whose clusters are open. */
    grid.openLayer = function (layer) {
      const block = grid.blocks[layer];
      if (block && !block.node.classList.contains("open")) {
        block.node.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
      for (const block of grid.blocks) block.node.classList.toggle("open", block.index === layer);
    };

    function placeRing(ring, block, filter) {
      const { columns } = grid.geometry.blocks[block.index];
      const pitch = grid.geometry.pitch;
      ring.setAttribute("x", (filter % columns) * pitch - 1);
      ring.setAttribute("y", Math.floor(filter / columns) * pitch - 1);
      ring.setAttribute("width", pitch + 1);
      ring.setAttribute("height", pitch + 1);
      ring.setAttribute("visibility", "visible");
    }

    /** Ring a filter: `kind` is "ring" for the pointer, "pin" for the pinned one; null clears. */
    grid.ring = function (kind, at) {
      for (const block of grid.blocks) {
        if (at && block.index === at.layer) placeRing(block[kind], block, at.filter);
        else block[kind].setAttribute("visibility", "hidden");
      }
    };

    /** The filter at a pointer's place, or null in the margin. */
    grid.filterAt = function (picture, event) {
      const layer = Number(picture.dataset.layer);
      const box = picture.getBoundingClientRect();
      const { columns } = grid.geometry.blocks[layer];
      const column = Math.floor((event.clientX - box.left) / grid.geometry.pitch);
      const row = Math.floor((event.clientY - box.top) / grid.geometry.pitch);
      const filter = row * columns + column;
      if (column < 0 || column >= columns || row < 0 || filter >= model.layers[layer].filters) return null;
      return { layer, filter };
    };

    /** The filter one step away in a direction; steps across blocks at their edges. */
    grid.step = function ({ layer, filter }, key) {
      const { columns } = grid.geometry.blocks[layer];
      const row = Math.floor(filter / columns);
      const column = filter % columns;
      const inside = (next) => (next >= 0 && next < model.layers[layer].filters ? next : filter);
      if (key === "ArrowUp") return { layer, filter: inside(filter - columns) };
      if (key === "ArrowDown") return { layer, filter: inside(filter + columns) };
      const right = key === "ArrowRight";
      const edge = right ? column === columns - 1 || filter === model.layers[layer].filters - 1 : column === 0;
      if (!edge) return { layer, filter: filter + (right ? 1 : -1) };
      const beside = layer + (right ? 1 : -1);
      if (!model.layers[beside]) return { layer, filter };
      const there = grid.geometry.blocks[beside];
      const line = Math.min(there.rows - 1, Math.round((row * there.rows) / grid.geometry.blocks[layer].rows));
      const wanted = line * there.columns + (right ? 0 : there.columns - 1);
      return { layer: beside, filter: Math.min(wanted, model.layers[beside].filters - 1) };
    };

    return grid;
  };
})();
