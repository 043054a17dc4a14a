/* Addresses of other pages, spelled in one place. */

/** @typedef {Record<string, string | number | null | undefined>} Query */

/**
 * A query of what is not null.
 * @param {Query} values
 */
export function queryOf(values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined) query.set(name, String(value));
  }
  return query.toString();
}

/**
 * The page of one filter.
 * @param {number | null} run
 * @param {string | null} layer the layer's name
 * @param {number} filter
 */
export const filterPage = (run, layer, filter) => `/filter/?${queryOf({ run, layer, filter })}`;

/** The live page; values as live/view.mjs names them. @param {Query} values */
export const livePage = (values) => `/?${queryOf(values)}`;

/** The compare page of two runs. @param {number} a @param {number} b */
export const comparePage = (a, b) => `/compare/?${queryOf({ a, b })}`;

/** The slim page of a run's network. @param {number | null} run */
export const slimPage = (run) => `/slim/?${queryOf({ run })}`;
