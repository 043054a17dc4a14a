/* The way to the page of one filter: from the filter in hand, a chip, or a node of the graph. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const pages = (rc.filterPages = {});
  let heard = null;

  /** The address of a filter's page in the run that is shown. */
  pages.of = ({ layer, filter }) =>
    rc.filterPage(rc.shown.run.id, rc.shown.model.layers[layer].name, filter);

  /** Go to the page of a filter; without one, of that under the pointer, in focus or pinned. */
  pages.open = function (at) {
    const chosen = at || rc.pointer.at || rc.parseFilter(rc.view.filter);
    if (chosen) window.location.assign(pages.of(chosen));
    else rc.notice("Point at a filter, or click it, for its page.", "info");
  };

  /** Double clicks on a graph's nodes lead to their pages; asking twice does no harm. */
  pages.listenToGraph = function (graph) {
    if (!graph || graph === heard) return;
    heard = graph;
    graph.on("dblclick", "node", (event) => {
      const { clusters } = rc.clusterPanel;
      if (clusters) pages.open({ layer: clusters.layer, filter: event.target.data("filter") });
    });
  };
})();
