/* Asking JSON routes, again and again while an answer is worked out, and how far it is. */
import { div, element, span } from "./dom.mjs";
import { addressOf, queryOf } from "./links.mjs";

/** @import { Query } from "./links.mjs" */
/** @import { Running } from "../generated/shared.d.ts" */

const AGAIN_MS = 200;
const LATER_MS = 2000;

/** @param {number} ms @returns {Promise<void>} */
export const pause = (ms) => new Promise((done) => window.setTimeout(done, ms));

/** The server says in words why there is no answer. */
export class Refused extends Error {}

/**
 * The Response to a question; rejects with what is wrong, in the server's own line where it has one.
 * @param {string} path
 * @param {Query} [values] null and undefined are left out
 * @param {RequestInit} [request]
 */
export async function answerOf(path, values = {}, request = {}) {
  const query = queryOf(values);
  let said;
  try {
    said = await fetch(addressOf(query ? `${path}?${query}` : path), request);
  } catch {
    throw new Error("The server does not answer. Is it still running? Then load this page again.");
  }
  if (said.ok) return said;
  const told = said.status !== 500 && said.headers.get("Content-Type")?.startsWith("text/plain");
  if (told) throw new Refused((await said.text()).trim());
  throw new Error(`The server failed (${said.status}); its log says why.`);
}

/**
 * What a JSON route says; a refusal rejects.
 * @param {string} path
 * @param {Query} [values]
 * @param {RequestInit} [request]
 * @returns {Promise<any>}
 */
export async function ask(path, values, request) {
  const said = await (await answerOf(path, values, request)).json();
  if (said.status === "refused") throw new Refused(said.message);
  return said;
}

/**
 * Have something changed; what the JSON route says of it.
 * @param {string} path
 * @param {Query} [values]
 * @param {unknown} [body]
 */
export const tell = (path, values = {}, body = {}) =>
  ask(path, values, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

/** What is said of work that has not begun. */
export const BEHIND = "Waiting for other work to end …";

/** Whether an answer is still worked out. @param {any} said */
export const isRunning = (said) => said.status === "running";

/**
 * Ask until the answer is whole; null once nobody waits for it.
 * @param {string} path
 * @param {Query} values
 * @param {() => boolean} still whether somebody waits
 * @param {(waiting: any) => void} running called with each answer that is not whole
 * @returns {Promise<any>}
 */
export async function askUntilDone(path, values, still, running) {
  for (;;) {
    const said = await ask(path, values);
    if (!still()) return null;
    const empty = said.status === "empty";
    if (!isRunning(said) && !empty) return said;
    running(said);
    await pause(document.hidden || empty ? LATER_MS : AGAIN_MS);
    if (!still()) return null;
  }
}

/**
 * Show in a place how far some work is, `share` from 0 to 1; without words the place is empty.
 * @param {HTMLElement} place
 * @param {string | null} words
 * @param {number} [share]
 * @param {string} [label]
 */
export function showProgress(place, words, share = 0, label = "") {
  if (!words) {
    place.replaceChildren();
    return;
  }
  let text = place.querySelector(":scope > .progress > .progress-text");
  let track = place.querySelector(":scope > .progress > .progress-track");
  if (!text || !track) {
    text = element("span", { class: "progress-text", role: "status" });
    track = element(
      "span",
      { class: "progress-track", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 },
      span("progress-fill"),
    );
    place.replaceChildren(div("progress", text, track));
  }
  const percent = Math.round(100 * share);
  text.textContent = words;
  /** @type {HTMLElement} */ (track.firstElementChild).style.width = `${percent}%`;
  track.setAttribute("aria-valuenow", String(percent));
  track.setAttribute("aria-label", label);
}

/** Work of which nothing is known yet. @type {Running} */
export const NOT_BEGUN = { status: "running", done: 0, total: 0, behind: false, loading: false };

/**
 * How far some work is, from 0 to 1.
 * @param {Pick<Running, "done" | "total">} waiting
 */
export const shareDone = ({ done, total }) => (total ? done / total : 0);
