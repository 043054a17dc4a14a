/* Where each layer's block stands. Pure: numbers in, numbers out. */

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
const MAP_CAPTION = 22;
/** How large and small zooming makes a cell and its gap. */
const ZOOMED = { smallest: 2, largest: 40 };

/** @param {number} filters */
const columnsOf = (filters) => CELLS_A_ROW * Math.ceil(filters / (CELLS_A_ROW * MOST_ROWS));

/** Where a layer's cells stand. @typedef {{ x: number, y: number, width: number, height: number, columns: number, rows: number }} Block */

/**
 * @typedef {object} Geometry
 * @property {number} pitch a cell and its gap
 * @property {number} gap between two blocks
 * @property {number} nameSpace between two names
 * @property {number} map the size of the feature map in the strip above
 * @property {number} label the height of a name
 * @property {Block[]} blocks
 * @property {number} width
 * @property {number} height
 * @property {number} foot where the tallest block ends
 */

/**
 * Lay out layers side by side on one axis.
 * @param {readonly { filters: number }[]} layers
 * @param {number} width the room, in CSS pixels
 * @param {number} height
 * @param {boolean} [bare] no strip is kept for a feature map
 * @param {{ band?: number, zoom?: number }} [more] room that is kept below the blocks; how much larger
 *   than what suits the room
 * @returns {Geometry}
 */
export function layOut(layers, width, height, bare = false, { band = 0, zoom = 1 } = {}) {
  const shapes = layers.map(({ filters }) => {
    const columns = columnsOf(filters);
    return { columns, rows: Math.ceil(filters / columns) };
  });
  const across = (/** @type {number} */ pitch, /** @type {number} */ gap) =>
    shapes.reduce((sum, shape) => sum + shape.columns * pitch, gap * (shapes.length - 1));
  const tallest = Math.max(...shapes.map((shape) => shape.rows));
  const map = Math.max(84, Math.min(168, Math.round(height * 0.17)));
  const strip = bare ? PAD : map + 26;
  const roomAcross = width - 2 * PAD;
  const gapAt = (/** @type {number} */ pitch) => Math.max(10, Math.round(pitch * 1.6));
  // A deep network has to be scrolled; then its cells and names need not be small as well.
  const scrolls = across(SMALLEST, gapAt(SMALLEST)) > roomAcross;
  const label = scrolls ? LONG_LABEL : LABEL;
  const largest = scrolls ? COMFORTABLE : LARGEST;
  const roomDown = height - strip - label - PAD - band;
  let pitch = Math.max(LOWEST, Math.min(largest, Math.floor(roomDown / tallest)));
  while (!scrolls && pitch > SMALLEST && across(pitch, gapAt(pitch)) > roomAcross) {
    pitch -= 1;
  }
  let gap = scrolls ? 24 : gapAt(pitch);
  if (zoom !== 1) {
    pitch = Math.max(ZOOMED.smallest, Math.min(ZOOMED.largest, Math.round(2 * pitch * zoom) / 2));
    gap = Math.max(10, Math.round(gap * Math.max(1, zoom)));
  }
  const spare = roomAcross - across(pitch, gap);
  // A name takes half a gap on both sides of its block, at the edges of the room too.
  const widest = (width + NAME_SPACE - across(pitch, 0)) / shapes.length;
  if (spare > 0 && shapes.length > 1) {
    const more = Math.min(26, spare / (shapes.length - 1), widest - gap);
    gap += Math.max(0, Math.floor(more));
  }
  const used = across(pitch, gap);
  const down = tallest * pitch;
  const axis = strip + label + down / 2;
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
    height: strip + label + down + PAD + band,
    foot: strip + label + down,
  };
}

/**
 * How much of the other blocks and their names a map at a place would cover.
 * @param {Geometry} geometry
 * @param {number} layer
 * @param {number} left
 * @param {number} top
 */
function covered({ blocks, label, map }, layer, left, top) {
  return blocks.reduce((sum, block, i) => {
    const across = Math.min(left + map, block.x + block.width) - Math.max(left, block.x);
    const down = top + map + MAP_CAPTION - Math.max(top, block.y - label);
    return i !== layer && across > 0 && down > 0 ? sum + across * down : sum;
  }, 0);
}

/**
 * Where a layer's map stands: right above its block, centred on it, or flush with the side where less
 * is covered.
 * @param {Geometry} geometry
 * @param {number} layer
 */
export function placeOfMap(geometry, layer) {
  const { blocks, map, label, width } = geometry;
  const block = blocks[layer];
  const top = block.y - label - map - MAP_CAPTION;
  const lefts = [block.x + block.width / 2 - map / 2, block.x + block.width - map, block.x].map((x) =>
    Math.max(4, Math.min(width - map - 4, x)),
  );
  const over = lefts.map((left) => covered(geometry, layer, left, top));
  return { left: lefts[over.indexOf(Math.min(...over))], top };
}
