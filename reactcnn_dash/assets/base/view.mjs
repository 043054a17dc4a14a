/* What a person looks at. It stands in the address bar, so that every view has a link. */

/**
 * How a value of a view is read from the address and written there.
 * @template T
 * @typedef {object} Field
 * @property {(text: string | null) => T} read
 * @property {T} usual what is not written
 */

/**
 * A number; what is none counts as `usual`.
 * @template {number | null} U
 * @param {U} usual
 * @returns {Field<number | U>}
 */
export const numberField = (usual) => ({
  usual,
  read: (text) => (text && Number.isFinite(Number(text)) ? Number(text) : usual),
});

/**
 * A number that counts something: 0, 1, 2 and so on.
 * @template {number | null} U
 * @param {U} usual
 * @returns {Field<number | U>}
 */
export const wholeField = (usual) => ({
  usual,
  read: (text) => (text && /^\d{1,9}$/.test(text) ? Number(text) : usual),
});

/**
 * A text; an empty one counts as `usual`.
 * @template {string | null} U
 * @param {U} usual
 * @returns {Field<string | U>}
 */
export const textField = (usual) => ({ usual, read: (text) => text || usual });

/**
 * One of a few texts.
 * @template {string} T
 * @param {T} usual
 * @param {readonly T[]} choices
 * @returns {Field<T>}
 */
export const choiceField = (usual, choices) => ({
  usual,
  read: (text) => choices.find((one) => one === text) ?? usual,
});

/**
 * The values of a view by the fields of its schema.
 * @template {Record<string, Field<any>>} S
 * @typedef {{ [K in keyof S]: ReturnType<S[K]["read"]> }} Values
 */

/**
 * Read a view from an address's query.
 * @template {Record<string, Field<any>>} S
 * @param {S} schema
 * @param {string} search
 * @returns {Values<S>}
 */
export function readView(schema, search) {
  const query = new URLSearchParams(search);
  return /** @type {Values<S>} */ (
    Object.fromEntries(Object.entries(schema).map(([name, field]) => [name, field.read(query.get(name))]))
  );
}

/**
 * Write a view as an address's query; what is usual is left out.
 * @template {Record<string, Field<any>>} S
 * @param {S} schema
 * @param {Values<S>} view
 */
export function writeView(schema, view) {
  const query = new URLSearchParams();
  for (const [name, field] of Object.entries(schema)) {
    const value = view[name];
    if (value !== null && value !== undefined && value !== field.usual) query.set(name, String(value));
  }
  const text = query.toString();
  return text && `?${text}`;
}

/**
 * A page's view: `now` is what it shows, `set` changes it, and who listens follows.
 * @template {Record<string, Field<any>>} S
 * @param {S} schema
 * @param {(keyof S)[]} [pictures] fields of which another value is another picture, to which the
 *   browser's "back" leads
 */
export function makeView(schema, pictures = []) {
  /** @type {(() => void)[]} */
  const listeners = [];
  const view = {
    now: readView(schema, window.location.search),

    /** @param {Partial<Values<S>>} change */
    set(change) {
      const before = view.now;
      const next = { ...before, ...change };
      const differs = (/** @type {keyof S} */ name) => next[name] !== before[name];
      if (!Object.keys(schema).some(differs)) return;
      view.now = next;
      const address = window.location.pathname + writeView(schema, next);
      if (pictures.some(differs)) window.history.pushState(null, "", address);
      else window.history.replaceState(null, "", address);
      for (const listener of listeners) listener();
    },

    /** @param {() => void} listener */
    listen(listener) {
      listeners.push(listener);
    },
  };
  window.addEventListener("popstate", () => {
    view.now = readView(schema, window.location.search);
    for (const listener of listeners) listener();
  });
  return view;
}
