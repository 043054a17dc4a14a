/* The filters that a slim network goes without, in red in the grid of the whole one. */
import { ask } from "../base/asker.mjs";
import { count } from "../base/format.mjs";
import { notice, reason } from "../base/notice.mjs";
import { grid } from "./grid.mjs";
import { layers, shown } from "./shown.mjs";
import { view } from "./view.mjs";

/** @import { Gone } from "../generated/slim.d.ts" */

let wanted = "";

/** @param {Gone} gone */
function mark({ name, layers: filters }) {
  const marked = new Map();
  let cut = 0;
  layers().forEach((layer, index) => {
    const numbers = filters[layer.name] ?? [];
    if (numbers.length && Math.max(...numbers) < layer.filters) marked.set(index, new Set(numbers));
    cut += numbers.length;
  });
  grid.markGone(marked);
  notice(`In red: the ${count(cut)} filters that ${name} goes without. Escape clears.`, "info");
}

/** Bring the grid in line with the view. */
export async function followGone() {
  const { gone } = view.now;
  const key = gone === null ? "" : `${shown.run?.uuid} ${gone}`;
  if (key === wanted) return;
  const before = wanted;
  wanted = key;
  if (gone === null) {
    grid.markGone(new Map());
    if (before) notice(null);
    return;
  }
  try {
    const said = await ask("/slims/gone", { id: gone });
    if (key === wanted) mark(said);
  } catch (error) {
    notice(reason(error));
  }
}
