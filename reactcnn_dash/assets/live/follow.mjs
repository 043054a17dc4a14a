/* Bringing everything on the page in line with the view. */
import { drawClusterControls, pumpClusters, showSelection } from "./clusters.mjs";
import { drawDeviationControls, pumpDeviations } from "./deviations.mjs";
import { followGone } from "./gone.mjs";
import { followCam } from "./grad-cam.mjs";
import { grid } from "./grid.mjs";
import { refresh } from "./pointer.mjs";
import { drawSearchControls, refreshSearch } from "./search.mjs";
import { openIndex } from "./shown.mjs";
import { followWhatIf } from "./what-if.mjs";

export function follow() {
  drawDeviationControls();
  drawClusterControls();
  grid.openLayer(openIndex());
  showSelection();
  refresh();
  pumpClusters();
  pumpDeviations();
  drawSearchControls();
  refreshSearch();
  followGone();
  followWhatIf();
  followCam();
}
