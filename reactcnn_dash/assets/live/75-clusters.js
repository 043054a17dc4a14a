/* The cluster panel of one layer, and the cluster that is red in the grid. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const panel = (rc.clusterPanel = { clusters: null });
  const LATE_MS = 120000;
  let number = 0;
  let busyWith = null;
  let askedAt = 0;
  let triedAt = -1;
  let baseStyle = null;
  let tableRow = null;
  let retried = "";

  /** What the panel should show, or null. */
  function wanted() {
    const layer = rc.layerIndex(rc.view.layer);
    if (layer < 0 || !rc.shown.run) return null;
    const { method, parameter, subset } = rc.view;
    return { run: rc.shown.run.id, layer, method, asked: parameter, subset };
  }

  const keyOf = (c) => (c ? `${c.run}/${c.layer}/${c.method}/${c.asked}/${c.subset ?? ""}` : "");

  /** Whether enough images came since to cluster again. */
  function outgrown(clusters) {
    const { stored, state } = rc.shown.run;
    if (clusters.message) return stored > triedAt;
    if (state === "collecting") return stored >= clusters.renewedAt;
    return stored > clusters.stored;
  }

  panel.pump = function () {
    const want = wanted();
    if (!want || document.hidden) return;
    if (busyWith && Date.now() - askedAt < LATE_MS) return;
    const same = keyOf(panel.clusters) === keyOf(want);
    if (same && !outgrown(panel.clusters)) return;
    number += 1;
    busyWith = keyOf(want);
    askedAt = Date.now();
    triedAt = rc.shown.run.stored;
    if (!same) rc.byId("panel").classList.add("busy");
    const keep = same && !panel.clusters.message;
    rc.setProps("cluster-request", { data: { ...want, parameter: want.asked, keep, number } });
  };

  function counts(c) {
    const parts = [`${rc.count(c.clusters)} ${c.clusters === 1 ? "cluster" : "clusters"} of two or more`];
    if (c.single) parts.push(`${rc.count(c.single)} single`);
    if (c.constant) parts.push(`${rc.count(c.constant)} constant`);
    if (c.dead) parts.push(`${rc.count(c.dead)} dead`);
    return `${parts.join(", ")} · from ${rc.count(c.images)} images`;
  }

  const graph = () => rc.byId("graph")?._cyreg?.cy;

  /** A layout that ran before the graph had its room leaves nodes nowhere: ask for it once more. */
  function checkPicture() {
    const cy = graph();
    if (!cy || !cy.nodes().length) return;
    const nowhere = cy.nodes().some((node) => {
      const { x, y } = node.renderedPosition();
      return !Number.isFinite(x + y);
    });
    if (!nowhere || retried === keyOf(panel.clusters)) return;
    retried = keyOf(panel.clusters);
    cy.resize();
    cy.reset();
    panel.clusters = null;
    panel.pump();
  }

  /** Take in the clusters of a layer. */
  panel.take = function (clusters) {
    if (!clusters) return;
    busyWith = null;
    panel.clusters = clusters;
    rc.byId("panel").classList.remove("busy");
    rc.setText("cluster-summary", clusters.message || counts(clusters));
    rc.byId("panel").classList.toggle("without-graph", Boolean(clusters.message));
    drawParameter();
    rc.subset.take(clusters);
    panel.showSelection();
    panel.pump();
    rc.filterPages.listenToGraph(graph());
    window.requestAnimationFrame(checkPicture);
  };

  /** Filters of a cluster; empty while another layer's clusters are here. */
  panel.members = function (label) {
    const c = panel.clusters;
    if (label === null || !c || !c.labels || c.layer !== rc.layerIndex(rc.view.layer)) return [];
    return c.labels.flatMap((l, filter) => (l === label ? [filter] : []));
  };

  /** What the tip says of a filter's cluster; null when its layer is not open. */
  rc.clusterOf = function ({ layer, filter }) {
    const c = panel.clusters;
    if (!c || !c.labels || c.layer !== layer) return null;
    const label = c.labels[filter];
    if (label < 0) return "no cluster: it never varies";
    const size = c.labels.reduce((sum, l) => sum + (l === label), 0);
    return size === 1 ? "single: correlates with no other" : `cluster ${label}, ${size} filters`;
  };

  function addresses(filters) {
    return filters.map((filter) => rc.filterText({ layer: panel.clusters.layer, filter })).join("\n");
  }

  function copyButton(filters) {
    const button = rc.element("button", { class: "text-button", type: "button" }, "Copy addresses");
    button.addEventListener("click", async () => {
      await rc.copy(addresses(filters));
      button.textContent = "Copied";
      window.setTimeout(() => (button.textContent = "Copy addresses"), 1500);
    });
    return button;
  }

  /** Select a row of the table unless it is: the table reports its own choices back. */
  function selectRow(row) {
    if (row === tableRow) return;
    tableRow = row;
    rc.setProps("cluster-table", { selectedRows: row === null ? [] : { ids: [String(row)] } });
  }

  /** Turn the selected cluster red and list its filters. */
  panel.showSelection = function () {
    const place = rc.byId("selection");
    const filters = panel.members(rc.view.cluster);
    rc.grid.highlight(filters, rc.layerIndex(rc.view.layer));
    selectRow(filters.length ? rc.view.cluster : null);
    if (!filters.length) {
      const hint = "Click a node or a row: its cluster turns red in the grid. Double click a node for its filter's page.";
      place.replaceChildren(rc.element("p", { class: "small" }, hint));
      return;
    }
    const { layer } = panel.clusters;
    const title = `Cluster ${rc.view.cluster} of ${rc.view.layer}: ${rc.count(filters.length)} ${filters.length === 1 ? "filter" : "filters"}`;
    const chips = filters.map((filter) =>
      rc.element(
        "button",
        {
          class: "chip",
          type: "button",
          title: `${rc.address({ layer, filter })}: click to pin it, double click for its page`,
          onmouseenter: () => rc.pointer.move({ layer, filter }, null),
          onmouseleave: () => rc.pointer.move(null, null),
          onclick: () => rc.pointer.pin({ layer, filter }),
          ondblclick: () => rc.filterPages.open({ layer, filter }),
        },
        String(filter),
      ),
    );
    place.replaceChildren(
      rc.element(
        "div",
        { class: "selection-head" },
        rc.element("h3", {}, title),
        copyButton(filters),
      ),
      rc.element("div", { class: "chips" }, ...chips),
    );
  };

  /** Select the cluster of a filter, or let go of it. */
  panel.select = function (label) {
    if (label < 0) {
      rc.notice("This filter never varies, so it has no correlation and no cluster.", "info");
      return;
    }
    rc.setView({ cluster: rc.view.cluster === label ? null : label });
  };

  /** A row of the table was chosen, by mouse or keyboard. */
  panel.chooseRow = function (rows) {
    if (!Array.isArray(rows)) return;
    const row = rows.length ? rows[0].cluster : null;
    if (row === tableRow) return;
    tableRow = row;
    if (row !== null) rc.setView({ cluster: row });
  };

  /** Select the cluster of a filter whose layer is open. */
  panel.selectOf = function ({ layer, filter }) {
    const c = panel.clusters;
    if (c && c.labels && c.layer === layer) panel.select(c.labels[filter]);
  };

  /** Open a layer's clusters. */
  rc.openLayer = function (index) {
    const name = rc.shown.model.layers[index].name;
    if (name !== rc.view.layer) rc.setView({ layer: name, cluster: null });
  };

  panel.hover = function (node) {
    const at = node && panel.clusters ? { layer: panel.clusters.layer, filter: node.filter } : null;
    rc.pointer.move(at, null);
    rc.setText("graph-caption", at ? `${rc.address(at)} · ${rc.clusterOf(at)}` : "");
  };

  /** The graph's style with the selected cluster in red. */
  panel.style = function (style) {
    baseStyle = baseStyle || style;
    const label = rc.view.cluster;
    if (label === null) return baseStyle;
    return baseStyle.concat([
      { selector: `node[cluster != ${label}]`, style: { opacity: 0.35 } },
      {
        selector: `node[cluster = ${label}]`,
        style: { "background-color": "#e0202d", width: 30, height: 30 },
      },
    ]);
  };

  /** The parameter in force: asked for, or chosen by the server for the layer. */
  function parameter() {
    const c = panel.clusters;
    if (rc.view.parameter !== null) return rc.view.parameter;
    return c && keyOf(c) === keyOf(wanted()) ? c.parameter : null;
  }

  /** Bring the slider of the method in line with the parameter in force. */
  function drawParameter() {
    const { method } = rc.view;
    const value = parameter();
    if (value === undefined || value === null) return;
    const id = `parameter-${method}`;
    const chosen = rc.view.parameter === null;
    rc.setProps(id, { value });
    rc.setText(`${id}-value`, `${rc.method(method).symbol} = ${value}${chosen ? " (auto)" : ""}`);
  }

  /** A slider moved: its method's parameter. */
  panel.chooseParameter = function (method, value) {
    if (method === rc.view.method && value !== parameter()) {
      rc.setView({ parameter: value, cluster: null });
    }
  };

  /** Bring the controls in line with the view. */
  panel.drawControls = function () {
    const frame = rc.byId("panel");
    frame.classList.toggle("open", rc.view.layer !== null && rc.layerIndex(rc.view.layer) >= 0);
    rc.showParameter(frame, rc.view.method);
    rc.subset.drawControls();
    // The graph must know its room before it is laid out.
    graph()?.resize();
    rc.setText("panel-title", rc.view.layer ? `Clusters of ${rc.view.layer}` : "");
    rc.setText("parameter-caption", rc.method(rc.view.method).help);
    drawParameter();
    rc.setProps("method", { value: rc.view.method });
  };
})();
