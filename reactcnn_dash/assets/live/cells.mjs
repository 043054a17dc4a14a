/* Cells of the cluster table, by the names that its columns call them (see cluster_panel.py). */
import { dash } from "../base/dash.mjs";

/** @import { ClusterRow } from "../generated/live.d.ts" */

dash.dashAgGridComponentFunctions = {
  ...dash.dashAgGridComponentFunctions,
  /** A cluster's number with the colour that it has in the graph. */
  ClusterName: (/** @type {{ value: number, data: ClusterRow }} */ { value, data }) =>
    dash.React.createElement(
      "span",
      { className: "cluster-name" },
      dash.React.createElement("span", { className: "swatch", style: { background: data.colour } }),
      value,
    ),
};
