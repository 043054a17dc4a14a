/* Menus: a button with aria-haspopup, and beside it what it opens. */
import { around } from "./dom.mjs";

const BUTTON = "[aria-haspopup=menu]";
const ITEM = "[role=menuitem]";

/** @param {Element} button */
const menuOf = (button) => /** @type {HTMLElement} */ (button.nextElementSibling);

/** @param {Element} button @param {boolean} open */
function set(button, open) {
  menuOf(button).hidden = !open;
  button.setAttribute("aria-expanded", String(open));
}

/** Open the menu whose button was clicked; any other click closes what is open. @param {Event} event */
export function menuClicked(event) {
  const clicked = around(event, BUTTON);
  for (const button of document.querySelectorAll(BUTTON)) {
    set(button, button === clicked && Boolean(menuOf(button).hidden));
  }
}

/** A key in an open menu, or on its button. @param {KeyboardEvent} event @returns {boolean} whether it meant something */
export function menuKey(event) {
  const button = around(event, BUTTON) ?? around(event, "[role=menu]")?.previousElementSibling;
  if (!button) return false;
  const menu = menuOf(button);
  const items = /** @type {HTMLElement[]} */ ([...menu.querySelectorAll(ITEM)]);
  const at = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const to = /** @type {Record<string, number>} */ ({
    ArrowDown: at + 1,
    ArrowUp: at < 0 ? items.length - 1 : at - 1 + items.length,
    Home: 0,
    End: items.length - 1,
  })[event.key];
  if (event.key === "Escape" && !menu.hidden) {
    set(button, false);
    /** @type {HTMLElement} */ (button).focus();
  } else if (to !== undefined) {
    set(button, true);
    items[to % items.length].focus();
  } else {
    return false;
  }
  event.preventDefault();
  return true;
}
