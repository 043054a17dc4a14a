/* The message at the head of a page. */
import { NOTICE } from "../generated/ids.mjs";
import { byId } from "./dom.mjs";

let noticedAt = 0;

/** Milliseconds since the last message was shown. */
export const noticeAge = () => Date.now() - noticedAt;

/** What kind of message is shown. */
export const noticeKind = () => byId(NOTICE).dataset.kind;

/**
 * Show a message; null takes it away.
 * @param {string | null | undefined} text
 * @param {"error" | "warning" | "info"} [kind]
 */
export function notice(text, kind = "error") {
  const node = byId(NOTICE);
  noticedAt = Date.now();
  node.hidden = !text;
  node.dataset.kind = kind;
  if (node.textContent !== (text ?? "")) node.textContent = text ?? "";
}

/**
 * Say what a link asks for and the page cannot show; the nearest is shown.
 * @param {readonly string[]} sentences
 */
export function tellLink(sentences) {
  if (sentences.length) notice(sentences.join(" "), "warning");
}

/**
 * What went wrong, in words.
 * @param {unknown} error
 */
export const reason = (error) => (error instanceof Error ? error.message : String(error));
