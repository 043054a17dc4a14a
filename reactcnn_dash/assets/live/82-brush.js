/* Drawing text, bars and a grid onto a canvas in the page's colours: what a picture is made of. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const FONT = 'Inter, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif';

  /** A brush for a canvas: `colour(name)` is a variable of base.css. */
  rc.brush = function (context) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const brush = { context, colour };

    /** Write a line; longer than `room` it ends in "…". Returns its width. */
    brush.text = function (words, x, y, { size = 13, weight = 400, ink = "ink", align = "left", room = Infinity } = {}) {
      context.font = `${weight} ${size}px ${FONT}`;
      context.fillStyle = colour(ink);
      context.textAlign = align;
      context.textBaseline = "alphabetic";
      let shown = words;
      while (shown.length > 1 && context.measureText(shown).width > room) {
        shown = `${shown.replace(/…$/, "").slice(0, -1)}…`;
      }
      context.fillText(shown, x, y);
      return context.measureText(shown).width;
    };

    brush.box = function (x, y, width, height, { fill = null, line = null, radius = 0, thick = 1 } = {}) {
      context.beginPath();
      context.roundRect(x, y, width, height, radius);
      if (fill) {
        context.fillStyle = colour(fill);
        context.fill();
      }
      if (line) {
        context.strokeStyle = colour(line);
        context.lineWidth = thick;
        context.stroke();
      }
    };

    /** Draw a picture whole into a box, its pixels as they are or smoothed. */
    brush.picture = function (picture, x, y, width, height, smooth) {
      const share = Math.min(width / picture.width, height / picture.height);
      const [w, h] = [picture.width * share, picture.height * share];
      context.imageSmoothingEnabled = smooth;
      context.imageSmoothingQuality = "high";
      context.drawImage(picture, x + (width - w) / 2, y + (height - h) / 2, w, h);
    };

    brush.gradient = function (colours, x, y, width, height) {
      const step = width / colours.length;
      colours.forEach((one, i) => {
        context.fillStyle = one;
        context.fillRect(x + i * step, y, step + 0.5, height);
      });
    };

    return brush;
  };

  /** The lines of a layer's name, broken at underscores where the block is too narrow. */
  function nameLines(name, room, measure) {
    const lines = [];
    for (const part of name.split(/(?<=_)/)) {
      const joined = lines.length ? lines[lines.length - 1] + part : part;
      if (lines.length && measure(joined) <= room) lines[lines.length - 1] = joined;
      else lines.push(part);
    }
    return lines.slice(-3);
  }

  /** Draw the filter grid with its corner at (x, y): names, cells, what is red, open and pinned. */
  rc.brushGrid = function (brush, x, y) {
    const { context } = brush;
    const { geometry, codes } = rc.grid;
    const { layers } = rc.shown.model;
    const css = rc.gridColours().css;
    const red = new Set(rc.clusterPanel.members(rc.view.cluster));
    const open = rc.layerIndex(rc.view.layer);
    const pinned = rc.parseFilter(rc.view.filter);
    layers.forEach((layer, index) => {
      const block = geometry.blocks[index];
      const [left, top] = [x + block.x, y + block.y];
      const middle = left + block.width / 2;
      const ink = index === open ? "accent" : "ink";
      context.font = "600 10px sans-serif";
      const lines = nameLines(layer.name, block.width + geometry.gap - 4, (text) => context.measureText(text).width);
      lines.forEach((line, i) =>
        brush.text(line, middle, top - 18 - 12 * (lines.length - 1 - i), { size: 10, weight: 600, ink, align: "center" }),
      );
      brush.text(rc.count(layer.filters), middle, top - 7, { size: 10, ink: "ink-faint", align: "center" });
      const scale = rc.scaleOf(index);
      const cell = geometry.pitch - 1;
      for (let filter = 0; filter < layer.filters; filter++) {
        const isRed = index === open && red.has(filter);
        context.globalAlpha = index === open && red.size && !isRed ? 0.4 : 1;
        context.fillStyle = isRed ? brush.colour("red") : css[scale[codes[layer.offset + filter]]];
        const [across, down] = [filter % block.columns, Math.floor(filter / block.columns)];
        context.fillRect(left + across * geometry.pitch, top + down * geometry.pitch, cell, cell);
      }
      context.globalAlpha = 1;
      if (index === open) brush.box(left - 4, top - 4, block.width + 7, block.height + 7, { line: "accent", radius: 2, thick: 2 });
      if (pinned && pinned.layer === index) {
        const [across, down] = [pinned.filter % block.columns, Math.floor(pinned.filter / block.columns)];
        context.strokeStyle = "#f08c00";
        context.lineWidth = 2;
        context.strokeRect(left + across * geometry.pitch - 1, top + down * geometry.pitch - 1, cell + 2, cell + 2);
      }
    });
  };
})();
