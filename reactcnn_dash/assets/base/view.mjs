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
 * One of a few texts, usually the first.
 * @template {string} T
 * @param {readonly T[]} choices
 * @param {T} [usual]
 * @returns {Field<T>}
 */
export const choiceField = (choices, usual = choices[0]) => ({
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
 * What an address asks for that no view has, as it stands there: "page=-1".
 * @template {Record<string, Field<any>>} S
 * @param {S} schema
 * @param {string} search
 */
export function unreadable(schema, search) {
  const query = new URLSearchParams(search);
  return Object.entries(schema).flatMap(([name, field]) => {
    const text = query.get(name);
    const lost = text && field.read(text) === field.usual && text !== String(field.usual);
    return lost ? [`${name}=${text}`] : [];
  });
}

/** What one thing that a person did is: a key, a press, a click by keyboard. All that follows from it is one. */
let gesture = 0;

/** Who types a word does one thing. @param {Event} event */
const typing = ({ target }) =>
  target instanceof HTMLInputElement && ["text", "search", "number"].includes(target.type);

/** @param {Event} event */
function count(event) {
  if (event instanceof KeyboardEvent && (event.repeat || (typing(event) && event.key !== "Enter"))) return;
  if (event.type === "click" && /** @type {MouseEvent} */ (event).detail !== 0) return;
  gesture += 1;
}

/**
 * A page's view: `now` is what it shows, `set` changes it, and who listens follows. What a person
 * changes is one entry of the browser's history, so that "back" leads to what was seen before; what
 * changes by itself is none.
 * @template {Record<string, Field<any>>} S
 * @param {S} schema
 * @param {(values: Values<S>) => [Partial<Values<S>>, string[]]} [mend] the nearest that can be shown
 *   where an address asks for more, and in words what it asked for
 */
export function makeView(schema, mend = () => [{}, []]) {
  /** @type {((back: boolean) => void)[]} */
  const listeners = [];
  let entered = 0;
  for (const kind of ["keydown", "pointerdown", "click", "focusin"]) {
    window.addEventListener(kind, count, true);
  }

  /** @returns {Values<S>} */
  function read() {
    const { search } = window.location;
    const found = readView(schema, search);
    const [change, words] = mend(found);
    const lost = unreadable(schema, search);
    view.refused = [...(lost.length ? [`Nothing is meant by ${lost.join(", ")}.`] : []), ...words];
    return { ...found, ...change };
  }

  /** @param {Partial<Values<S>>} change @param {boolean} entry */
  function alter(change, entry) {
    const before = view.now;
    const next = { ...before, ...change };
    if (!Object.keys(schema).some((name) => next[name] !== before[name])) return;
    view.now = next;
    const address = window.location.pathname + writeView(schema, next);
    if (entry && entered !== gesture) window.history.pushState(null, "", address);
    else window.history.replaceState(null, "", address);
    if (entry) entered = gesture;
    for (const listener of listeners) listener(false);
  }

  const view = {
    now: readView(schema, window.location.search),

    /** What the address asks for and the view cannot show, in sentences. @type {string[]} */
    refused: [],

    /** A person changes what is shown. @param {Partial<Values<S>>} change */
    set: (change) => alter(change, true),

    /** What is shown changes by itself: no entry of the history. @param {Partial<Values<S>>} change */
    settle: (change) => alter(change, false),

    /** @param {(back: boolean) => void} listener told whether the person went back or forth in the history */
    listen(listener) {
      listeners.push(listener);
    },
  };
  view.now = read();
  window.addEventListener("popstate", () => {
    view.now = read();
    for (const listener of listeners) listener(true);
  });
  return view;
}
