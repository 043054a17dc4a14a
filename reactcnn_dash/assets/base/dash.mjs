/* The bridge to Dash: properties of components, the functions that Dash calls, and components that are
   put in place when they are needed. */
import { element } from "./dom.mjs";
import { notice, reason } from "./notice.mjs";

/**
 * What Dash and its table put into the window.
 * @typedef {object} DashWindow
 * @property {any} dash_clientside
 * @property {any} dash_ag_grid
 * @property {any} dashAgGridFunctions
 * @property {any} dashAgGridComponentFunctions
 * @property {any} React
 */

export const dash = /** @type {DashWindow} */ (/** @type {unknown} */ (window));

/**
 * Set properties of a component.
 * @param {string} id
 * @param {Record<string, unknown>} props
 */
export const setProps = (id, props) => dash.dash_clientside.set_props(id, props);

/**
 * A function that Dash calls with the value of a control; it acts and gives Dash nothing back.
 * @typedef {(value: any) => unknown} Action
 */

/**
 * Let Dash call functions by their names (see callbacks/*.py).
 * @param {Record<string, Action>} actions
 */
export function offer(actions) {
  dash.dash_clientside ??= {};
  dash.dash_clientside.reactcnn ??= {};
  const known = dash.dash_clientside.reactcnn;
  for (const [name, action] of Object.entries(actions)) {
    known[name] = (/** @type {unknown} */ value) => {
      // Dash wants a value or a promise of one; these only act.
      action(value);
      return dash.dash_clientside.no_update;
    };
  }
}

/* What each control was told to show, or told us: a value that comes back is no choice. */
/** @type {Map<string, unknown>} */
const told = new Map();

/**
 * Let a control show a value.
 * @param {string} id
 * @param {unknown} value
 */
export function show(id, value) {
  if (told.has(id) && told.get(id) === value) return;
  told.set(id, value);
  setProps(id, { value });
}

/**
 * Whether a control's value is a choice, and no echo of what it was told.
 * @param {string} id
 * @param {unknown} value
 */
function isChoice(id, value) {
  if (told.has(id) && told.get(id) === value) return false;
  told.set(id, value);
  return true;
}

/**
 * What is called for a choice of a control whose value the page sets, too.
 * @param {string} id
 * @param {Action} action
 * @returns {Action}
 */
export const choiceOf = (id, action) => (value) => isChoice(id, value) && action(value);

/**
 * Show the row of a clustering method's parameter alone.
 * @param {HTMLElement} place
 * @param {string} method
 */
export function showParameter(place, method) {
  const rows = /** @type {NodeListOf<HTMLElement>} */ (place.querySelectorAll("[data-method]"));
  for (const row of rows) row.classList.toggle("chosen", row.dataset.method === method);
}

/**
 * What is called for a choice of a method's parameter, with the method; see `parameter_rows`.
 * @param {string} prefix of the sliders' ids
 * @param {(method: string, value: number) => void} action
 * @returns {Action}
 */
export const parameterOf = (prefix, action) => (value) => {
  /** @type {string} */
  const id = dash.dash_clientside.callback_context.triggered_id;
  if (isChoice(id, value)) action(id.slice(prefix.length + 1), value);
};

/**
 * The grid's own interface, once a table stands.
 * @param {string} id
 * @returns {Promise<any>}
 */
export const tableOf = (id) => dash.dash_ag_grid.getApiAsync(id);

/** @type {Map<string, Promise<void>>} */
const scripts = new Map();

/** @param {string} address */
function loaded(address) {
  let coming = scripts.get(address);
  if (!coming) {
    coming = new Promise((done, fail) => {
      const node = element("script", {
        src: address,
        onload: () => done(),
        onerror: () => fail(new Error("The server does not answer. Load this page again.")),
      });
      document.head.append(node);
    });
    coming.catch(() => scripts.delete(address));
    scripts.set(address, coming);
  }
  return coming;
}

/** @type {Map<string, Promise<void>>} */
const placed = new Map();

/** @param {string} place */
async function put(place) {
  const text = document.getElementById("later")?.textContent;
  const { component, scripts: needed } = JSON.parse(text ?? "{}")[place];
  for (const address of needed) await loaded(address);
  setProps(place, { children: component });
}

/**
 * Put the component of a place (see pages/document.py) there, with the libraries that it needs; once.
 * @param {string} place
 * @returns {Promise<void>}
 */
export function fillPlace(place) {
  let coming = placed.get(place);
  if (!coming) {
    coming = put(place);
    coming.catch((error) => {
      placed.delete(place);
      notice(reason(error));
    });
    placed.set(place, coming);
  }
  return coming;
}

offer({
  failure: (text) => {
    if (text) notice(text);
  },
});
