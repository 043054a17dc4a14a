/* A report: one file to send, which the server makes meanwhile. */
import { askUntilDone, shareDone } from "./asker.mjs";
import { save } from "./files.mjs";
import { percent } from "./format.mjs";
import { notice, reason } from "./notice.mjs";

/** @import { Query } from "./links.mjs" */
/** @import { Report } from "../generated/shared.d.ts" */

/**
 * Have a report made and let the browser save it; how far it is, and what is wrong, is said on the page.
 * @param {Query} of which runs
 */
export async function saveReport(of) {
  const say = (/** @type {string} */ how) => notice(`The report is made${how}`, "info");
  say("…");
  try {
    /** @type {Report} */
    const { name, html } = await askUntilDone(
      "/reports/of",
      of,
      () => true,
      (waiting) => say(waiting.total ? `: ${percent(shareDone(waiting), 0)}` : "…"),
    );
    save(new Blob([html], { type: "text/html" }), name);
    notice(null);
  } catch (error) {
    notice(`No report was made: ${reason(error)}`);
  }
}
