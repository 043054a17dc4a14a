/* A run's arrays as a file. */
import { button } from "../base/dom.mjs";
import { download } from "../base/files.mjs";
import { notice, reason } from "../base/notice.mjs";
import * as ids from "../generated/ids.mjs";
import { chosen, showChosen } from "./table.mjs";

/** Download the chosen run as .npz; what is wrong is said on the page. */
export async function exportRun() {
  const [run] = chosen();
  const node = button(ids.RUNS_EXPORT);
  node.dataset.busy = "true";
  node.textContent = "Exporting…";
  showChosen();
  try {
    await download(`/runs/${run.uuid}/export/npz`, `run-${run.id}.npz`);
    notice(null);
  } catch (error) {
    notice(`${run.name} could not be exported: ${reason(error)}`);
  } finally {
    node.dataset.busy = "false";
    node.textContent = "Export";
    showChosen();
  }
}
