/* How the list is sorted and filtered, as texts for its link. Pure. */

/** A column's state as far as it says how to sort. @typedef {{ colId: string, sort: string | null, sortIndex: number }} Sorted */

/** The columns' state that says how to sort. @param {string} text @returns {Sorted[]} */
export const sortState = (text) =>
  text.split(",").map((part, sortIndex) => {
    const [colId, sort] = part.split(":");
    return { colId, sort: sort === "desc" ? "desc" : "asc", sortIndex };
  });

/** The same as a text. @param {readonly Sorted[]} columns */
export const sortText = (columns) =>
  columns
    .filter((column) => column.sort)
    .sort((a, b) => a.sortIndex - b.sortIndex)
    .map((column) => `${column.colId}:${column.sort}`)
    .join(",");

/** The columns' filters of a text; null for none, or where it is no JSON. @param {string} text */
export function filterModel(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
