/* A server that changes nothing says so in the page's document. */

/** Why nothing can be changed here, null where it can. */
export const READ_ONLY =
  document.querySelector("meta[name=reactcnn-read-only]")?.getAttribute("content") ?? null;

/**
 * Let a button that changes something be pressed or not; where the server is read-only, it says why it
 * never can.
 * @param {HTMLButtonElement} node
 * @param {boolean} can
 */
export function allow(node, can) {
  node.disabled = !can || READ_ONLY !== null;
  if (READ_ONLY) node.title = READ_ONLY;
}
