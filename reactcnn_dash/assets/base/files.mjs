/* Files that the browser saves. */
import { answerOf } from "./asker.mjs";
import { element } from "./dom.mjs";

/**
 * Let the browser save something as a file.
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads the file after the click has returned.
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** A text with what no file name should hold replaced. @param {string} text */
export const fileName = (text) => text.replace(/[^\p{L}\p{N}_.-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "");

/**
 * The name that a server gives to a file.
 * @param {string | null} header its Content-Disposition
 * @param {string} otherwise
 */
export function sentName(header, otherwise) {
  const encoded = header?.match(/filename\*=UTF-8''([^;]+)/i);
  if (encoded) return decodeURIComponent(encoded[1]);
  const simple = header?.match(/filename="?([^";]+)"?/i);
  return simple ? simple[1] : otherwise;
}

/**
 * Fetch a file that the server makes and let the browser save it; rejects with the reason.
 * @param {string} path
 * @param {string} otherwise its name if the server gives none
 */
export async function download(path, otherwise) {
  const answer = await answerOf(path);
  save(await answer.blob(), sentName(answer.headers.get("Content-Disposition"), otherwise));
}
