/* How every page begins, and what works alike on all: help, light and dark, the page as a picture. */
import { COLOUR_SCHEME, HELP, HELP_BODY, HELP_BUTTON, PAGE_PICTURE } from "../generated/ids.mjs";
import { switchScheme } from "./colours.mjs";
import { dash, fillPlace, offer } from "./dash.mjs";
import { around, button, byId } from "./dom.mjs";
import { menuClicked, menuKey } from "./menu.mjs";
import { notice, reason } from "./notice.mjs";
import { listenToTerms } from "./terms.mjs";

/** @import { Action } from "./dash.mjs" */

const CHOICES = "[role=radiogroup], [role=option]";

let started = false;

/**
 * Begin a page once Dash has rendered it.
 * @param {object} page
 * @param {string} page.last the id of an element that is rendered last
 * @param {() => unknown} page.start
 * @param {Record<string, Action>} page.actions what Dash calls (see callbacks/), once the page has
 *   begun and with a value
 * @param {Record<string, Action>} [page.choices] the same for controls that can be emptied
 * @param {(event: KeyboardEvent) => void} [page.onKey] a key without Ctrl, Alt or Meta
 */
export function boot({ last, start, actions, choices = {}, onKey }) {
  /** @type {Record<string, Action>} */
  const offered = {};
  for (const [name, action] of Object.entries(actions)) {
    offered[name] = (value) => started && value !== null && value !== undefined && action(value);
  }
  for (const [name, action] of Object.entries(choices)) {
    offered[name] = (value) => started && action(value);
  }
  offer(offered);
  listenToTerms();
  document.addEventListener("click", onClick);
  document.addEventListener("click", letGo, true);
  document.addEventListener("click", menuClicked);
  document.addEventListener("keydown", (event) => {
    if (!started || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!menuKey(event)) onKey?.(event);
  });
  whenRendered(last, () => {
    started = true;
    start();
  });
}

/**
 * @param {string} last
 * @param {() => void} begin
 */
function whenRendered(last, begin) {
  new MutationObserver((_, observer) => {
    if (!document.getElementById(last) || !dash.dash_clientside.set_props) return;
    observer.disconnect();
    begin();
  }).observe(document.documentElement, { childList: true, subtree: true });
}

/** @param {Event} event */
function onClick(event) {
  if (around(event, `#${HELP_BUTTON}`)) openHelp();
  else if (around(event, `#${COLOUR_SCHEME}`)) switchScheme();
  else if (around(event, `#${PAGE_PICTURE}`)) savePicture();
  else if (around(event, "dialog [data-closes]") || event.target instanceof HTMLDialogElement) {
    // The dialog itself is hit beside what stands in it: in the veil around.
    /** @type {HTMLDialogElement | null} */ (around(event, "dialog"))?.close();
  }
}

function openHelp() {
  fillPlace(HELP_BODY);
  byId(HELP, HTMLDialogElement).showModal();
}

async function savePicture() {
  const node = button(PAGE_PICTURE);
  node.disabled = true;
  try {
    const { savePage } = await import("./picture.mjs");
    await savePage();
  } catch (error) {
    notice(`The picture could not be made: ${reason(error)}`);
  }
  node.disabled = false;
}

/**
 * Who clicks a choice with the mouse goes on with the page's keys, not with those of the choice.
 * @param {MouseEvent} event
 */
function letGo(event) {
  // A click without a place comes from the keyboard: there the focus is wanted.
  if (event.detail === 0 || !around(event, CHOICES)) return;
  // After the choice has taken the focus itself.
  window.setTimeout(() => {
    const here = document.activeElement;
    if (here instanceof HTMLElement && here.matches("[type=radio], [aria-haspopup=listbox]")) here.blur();
  }, 0);
}
