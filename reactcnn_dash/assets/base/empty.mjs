/* What a page says while there is nothing to show: the command to type. */
import { EMPTY } from "../generated/ids.mjs";
import { byId, copyButton, div, element, paragraph } from "./dom.mjs";

/**
 * What is the matter, and what to do: a command to type, or an element to click.
 * @typedef {{ title: string, text: string, command?: string, action?: () => HTMLElement }} Nothing
 */

/**
 * Say that there is nothing to show; null takes it away.
 * @param {Nothing | null} empty
 * @param {string} [waiting] what the page goes on doing
 */
export function showEmpty(empty, waiting = "") {
  const place = byId(EMPTY);
  place.hidden = !empty;
  const text = JSON.stringify(empty);
  if (!empty || place.dataset.shown === text) return;
  place.dataset.shown = text;
  const { title, command, action } = empty;
  place.replaceChildren(
    element("h1", {}, title),
    element("p", {}, empty.text),
    command
      ? div(
          "command",
          element("code", {}, command),
          copyButton("Copy", () => command),
        )
      : "",
    action ? paragraph("empty-action", action()) : "",
    waiting ? div("waiting", waiting) : "",
  );
}
