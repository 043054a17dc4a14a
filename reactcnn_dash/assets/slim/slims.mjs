/* The networks that were made of the run's: asked for, and the empty states. */
import { ask } from "../base/asker.mjs";
import { setProps } from "../base/dash.mjs";
import { byId, element, paragraph } from "../base/dom.mjs";
import { showEmpty } from "../base/empty.mjs";
import { notice, reason } from "../base/notice.mjs";
import { runList } from "../base/run-list.mjs";
import * as ids from "../generated/ids.mjs";
import { view } from "./view.mjs";

/** @import { Point, Slims } from "../generated/slim.d.ts" */
/** @import { Nothing } from "../base/empty.mjs" */

export const list = runList("/slims/runs", [ids.SLIM_RUN, ids.SLIM_CALIBRATION, ids.SLIM_EVALUATION], view);

/** `said` of the run in the view; `refused`: there is nothing of it. */
export const page = {
  /** @type {Slims | null} */
  said: null,
  refused: false,
};
/** @type {number | null} */
let wanted = null;

/** The open network, or null. @returns {Point | null} */
export const openPoint = () => page.said?.points.find((point) => point.id === view.now.point) ?? null;

/** @param {string} value */
export function chooseRun(value) {
  const run = Number(value);
  if (run !== list.id()) view.set({ run, point: null });
}

/**
 * Bring what is known in line with the view.
 * @param {() => void} changed
 * @param {boolean} [anew] ask although it is known
 */
export async function askSlims(changed, anew = false) {
  const run = list.id();
  if (run === wanted && !anew) return;
  wanted = run;
  if (page.said?.run.id !== run) page.said = null;
  page.refused = false;
  if (!anew) notice(null);
  changed();
  if (run === null) return;
  try {
    const said = /** @type {Slims} */ (await ask("/slims/of", { run }));
    if (run !== wanted) return;
    page.said = said;
  } catch (error) {
    if (run !== wanted) return;
    page.said = null;
    page.refused = true;
    notice(reason(error));
  }
  changed();
}

/** @returns {Nothing | null} */
function empty() {
  if (!list.known() || page.said) return null;
  if (list.id() === null) {
    return {
      title: "No runs yet",
      text: "Collect the answers of a network over some images; then smaller ones can be made of it here.",
      command: "python -m collector --feature-maps all",
    };
  }
  return page.refused ? { title: "Nothing to slim", text: "Pick another run above." } : null;
}

/** Draw what depends on the run as a whole. */
export function drawPage() {
  list.show();
  setProps(ids.SLIM_AGAINST, { value: view.now.against });
  showEmpty(empty());
  const { said } = page;
  byId(ids.SLIM_BODY).hidden = !said;
  byId(ids.SLIM_BODY).classList.toggle("slim-first", !said?.points.length);
  document.title = said ? `${said.run.name} · Slim · ReactCNN` : "Slim · ReactCNN";
}

/** A line about a network that is a slim one itself, or null. */
export function originLine() {
  const origin = page.said?.origin;
  if (!origin) return null;
  const from =
    origin.run === null
      ? origin.name
      : element(
          "button",
          {
            class: "link-like",
            type: "button",
            onclick: () => view.set({ run: origin.run, point: null }),
          },
          origin.name,
        );
  return paragraph("small slim-origin", "This network is a slim one itself, made of ", from, ".");
}
