/* Whether this is somebody's first visit; that it was is kept in the browser, as light and dark are. */

const KEPT_AS = "reactcnn-tour";

/** Whether the page was opened by a link that says no more than a run: what is in a link goes first. */
const plain = [...new URLSearchParams(window.location.search).keys()].every((name) => name === "run");

/** Whether nobody has seen the tour in this browser. Where nothing can be kept, nobody is told twice. */
function unseen() {
  try {
    return window.localStorage.getItem(KEPT_AS) === null;
  } catch {
    return false;
  }
}

/** Whether the page was opened for the first time, and by a link that leaves open what to look at. */
export const firstVisit = plain && unseen();

export function keepSeen() {
  try {
    window.localStorage.setItem(KEPT_AS, "seen");
  } catch {
    // A browser that keeps nothing is not shown the tour by itself.
  }
}
