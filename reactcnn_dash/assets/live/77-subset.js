/* The clusters of chosen images beside those of the whole run. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const subset = (rc.subset = {});
  let offered = null;
  let offeredRun = null;

  /** Cluster over the images of the open search; opens the pinned filter's layer or the last. */
  subset.ofSearch = function () {
    if (!rc.search.total || !rc.shown.model) return;
    const { layers } = rc.shown.model;
    const pinned = rc.parseFilter(rc.view.filter);
    const layer = rc.view.layer ?? layers[pinned ? pinned.layer : layers.length - 1].name;
    rc.setView({ subset: rc.search.subset(), layer });
  };

  /** Switch between the whole run ("") and the chosen images. */
  subset.choose = function (value) {
    if (value && offered && rc.view.subset === null) rc.setView({ subset: offered });
    else if (!value && rc.view.subset !== null) rc.setView({ subset: null });
  };

  const r = (value) => (value === null ? "–" : value.toFixed(3).replace("-", "−"));

  function cells(name, whole, these) {
    const parts = [rc.element("span", { class: "name" }, name)];
    if (these === undefined) parts.push(rc.element("span", { class: "wide" }, whole));
    else parts.push(rc.element("span", {}, whole), rc.element("span", {}, these));
    return parts;
  }

  /** The whole run's figures and the subset's, side by side. */
  function drawBeside(clusters) {
    const place = rc.byId("beside");
    const { beside } = clusters;
    if (!beside) {
      place.replaceChildren();
      return;
    }
    place.replaceChildren(
      rc.element("span", { class: "name" }, rc.search.words(clusters.subset)),
      rc.element("span", { class: "head" }, "whole run"),
      rc.element("span", { class: "head" }, "these"),
      ...cells("images", rc.count(beside.images), rc.count(clusters.images)),
      ...cells("clusters of two or more", rc.count(beside.clusters), rc.count(clusters.clusters)),
      ...cells("mean r inside", r(beside.mean), r(beside.subsetMean)),
      ...cells("agreement (ARI)", r(beside.agreement)),
    );
  }

  /** Bring the switch in line with the view. */
  subset.drawControls = function () {
    const { run } = rc.shown;
    if (rc.view.subset !== null) {
      offered = rc.view.subset;
      offeredRun = run.uuid;
    } else if (offeredRun !== run.uuid) {
      offered = null;
    }
    rc.byId("subset").hidden = offered === null;
    rc.byId("panel").classList.toggle("subset", rc.view.subset !== null);
    rc.byId("beside").hidden = rc.view.subset === null;
    if (offered === null) return;
    const { clusters } = rc.clusterPanel;
    const known = clusters && clusters.subset === offered && clusters.images;
    const label = known ? `These ${rc.count(clusters.images)} images` : "These images";
    const data = [{ value: "", label: "Whole run" }];
    data.push({ value: "these", label: known || !subset.label ? label : subset.label });
    if (known) subset.label = label;
    rc.setProps("subset-switch", { data, value: rc.view.subset === null ? "" : "these" });
  };

  /** Take in clusters: of a subset, or of the whole run. */
  subset.take = function (clusters) {
    subset.drawControls();
    drawBeside(clusters);
    window.dash_ag_grid
      .getApiAsync("cluster-table")
      .then((table) => table.setColumnsVisible(["together"], Boolean(clusters.beside)));
  };
})();
