/* Where each layer's block stands. Pure: numbers in, numbers out. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  const CELLS_A_ROW = 8;
  const MOST_ROWS = 64;
  const SMALLEST = 5;
  // In a low window, so that a whole network still stands in it.
  const LOWEST = 4;
  const LARGEST = 16;
  const COMFORTABLE = 8;
  const LABEL = 40;
  const LONG_LABEL = 54;
  const PAD = 10;
  const NAME_SPACE = 4;

  const columns = (filters) => CELLS_A_ROW * Math.ceil(filters / (CELLS_A_ROW * MOST_ROWS));

  function widthAt(shapes, pitch, gap) {
    return shapes.reduce((sum, shape) => sum + shape.columns * pitch, gap * (shapes.length - 1));
  }

  /** Lay out layers side by side on one axis.

      layers: objects with `filters`; width, height: the room in CSS pixels; bare: no strip is kept
      for a feature map.
      Returns pitch (cell and its gap), the space between two names, the size of the feature map in
      the strip above, the canvas size, and for each layer its block: x, y, width, height, columns, rows. */
  rc.geometry = function (layers, width, height, bare) {
    const shapes = layers.map((layer) => {
      const across = columns(layer.filters);
      return { columns: across, rows: Math.ceil(layer.filters / across) };
    });
    const tallest = Math.max(...shapes.map((shape) => shape.rows));
    const map = Math.max(84, Math.min(168, Math.round(height * 0.17)));
    const strip = bare ? PAD : map + 26;
    const roomAcross = width - 2 * PAD;
    const gapAt = (pitch) => Math.max(10, Math.round(pitch * 1.6));
    // A deep network has to be scrolled; then its cells and names need not be small as well.
    const scrolls = widthAt(shapes, SMALLEST, gapAt(SMALLEST)) > roomAcross;
    const label = scrolls ? LONG_LABEL : LABEL;
    const largest = scrolls ? COMFORTABLE : LARGEST;
    const roomDown = height - strip - label - PAD;
    let pitch = Math.max(LOWEST, Math.min(largest, Math.floor(roomDown / tallest)));
    while (!scrolls && pitch > SMALLEST && widthAt(shapes, pitch, gapAt(pitch)) > roomAcross) {
      pitch -= 1;
    }
    let gap = scrolls ? 24 : gapAt(pitch);
    const spare = roomAcross - widthAt(shapes, pitch, gap);
    // A name takes half a gap on both sides of its block, at the edges of the room too.
    const widest = (width + NAME_SPACE - widthAt(shapes, pitch, 0)) / shapes.length;
    if (spare > 0 && shapes.length > 1) {
      const more = Math.min(26, spare / (shapes.length - 1), widest - gap);
      gap += Math.max(0, Math.floor(more));
    }
    const used = widthAt(shapes, pitch, gap);
    const axis = strip + label + (tallest * pitch) / 2;
    let x = PAD + Math.max(0, (roomAcross - used) / 2);
    const blocks = shapes.map((shape) => {
      const block = {
        ...shape,
        x,
        y: axis - (shape.rows * pitch) / 2,
        width: shape.columns * pitch,
        height: shape.rows * pitch,
      };
      x += block.width + gap;
      return block;
    });
    return {
      pitch,
      gap,
      nameSpace: NAME_SPACE,
      map,
      label,
      blocks,
      width: Math.max(width, used + 2 * PAD),
      height: strip + label + tallest * pitch + PAD,
    };
  };
})();
