/* Addresses on the server, spelled in one place. */

/* A module knows where it was loaded from, and so where the server stands on its host: at its root, or
   below a path that a proxy leads to. */
const ROOT = import.meta.url.match(/^https?:\/\/[^/]+(.*)\/assets\/[0-9a-f]{12}\//)?.[1] ?? "";

/** The address of a path of the server. @param {string} path beginning with a slash */
export const addressOf = (path) => ROOT + path;

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
export const filterPage = (run, layer, filter) => addressOf(`/filter/?${queryOf({ run, layer, filter })}`);

/** The live page; values as live/view.mjs names them. @param {Query} values */
export const livePage = (values) => addressOf(`/?${queryOf(values)}`);

/** The compare page of two runs. @param {number} a @param {number} b */
export const comparePage = (a, b) => addressOf(`/compare/?${queryOf({ a, b })}`);

/** The slim page of a run's network. @param {number | null} run */
export const slimPage = (run) => addressOf(`/slim/?${queryOf({ run })}`);
