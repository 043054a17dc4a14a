/* The table: its rows, what is chosen in it, and the buttons that act on that. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const table = (rc.runsTable = { api: null });

  let find = "";
  let page = 1;
  let restored = false;

  table.link = (row) => `/?run=${row.id}`;

  /** The chosen runs, oldest first. */
  table.chosen = () =>
    table.api.getSelectedNodes().map((node) => node.data).sort((a, b) => a.id - b.id);

  table.editing = () => table.api.getEditingCells().length > 0;

  table.row = (id) => table.api.getRowNode(String(id))?.data;

  /** Take in rows that are new or changed, and take out those that are gone. */
  table.take = function ({ whole, rows, removed, deleting }) {
    const { api } = table;
    const busy = new Set(deleting);
    const fresh = rows.map((row) => rc.runRows.prepare(row, busy));
    const known = (row) => api.getRowNode(row.key) !== undefined;
    const change = { add: fresh.filter((row) => !known(row)), update: fresh.filter(known) };
    change.remove = removed.map((id) => ({ key: String(id) })).filter(known);
    if (whole) {
      const now = new Set(fresh.map((row) => row.key));
      api.forEachNode((node) => now.has(node.id) || change.remove.push(node.data));
    }
    // The newest first where nothing else decides.
    if (change.add.length) change.addIndex = 0;
    if (change.add.length + change.update.length + change.remove.length) api.applyTransaction(change);
    restate(busy);
    if (!restored) restore();
    table.showChosen();
  };

  /** A run that comes to its turn, or is given up, has no new row to say so. */
  function restate(busy) {
    const changed = [];
    table.api.forEachNode(({ data }) => {
      if (data.state !== "half deleted") return;
      const row = rc.runRows.prepare(data, busy);
      if (row.stateText !== data.stateText) changed.push(row);
    });
    if (changed.length) table.api.applyTransaction({ update: changed });
  }

  function number(rows) {
    const size = rows.reduce((sum, row) => sum + row.bytes, 0);
    return `${rc.count(rows.length)} ${rows.length === 1 ? "run" : "runs"} · ${rc.runRows.size(size)}`;
  }

  function setLink(id, href) {
    const link = rc.byId(id);
    link.setAttribute("aria-disabled", String(!href));
    if (href) link.setAttribute("href", href);
    else link.removeAttribute("href");
  }

  /** Bring the buttons and the count in line with what is chosen. */
  table.showChosen = function () {
    const chosen = table.chosen();
    const one = chosen.length === 1 ? chosen[0] : null;
    const writable = one !== null && rc.runRows.writable(one);
    setLink("runs-open", one && table.link(one));
    setLink("runs-compare", chosen.length === 2 && `/compare/?a=${chosen[0].id}&b=${chosen[1].id}`);
    for (const id of ["runs-rename", "runs-tag", "runs-annotate"]) rc.byId(id).disabled = !writable;
    rc.byId("runs-export").disabled = !writable || !one.stored || rc.byId("runs-export").dataset.busy === "true";
    rc.byId("runs-delete").disabled = chosen.length === 0;
    const shown = [];
    table.api.forEachNodeAfterFilter((node) => shown.push(node.data));
    rc.setText("runs-count", chosen.length ? `${number(chosen)} chosen` : number(shown));
  };

  /** What a filter hides is not chosen: nobody deletes what they do not see. */
  function letGoOfHidden() {
    const shown = new Set();
    table.api.forEachNodeAfterFilter((node) => shown.add(node.id));
    const hidden = table.api.getSelectedNodes().filter((node) => !shown.has(node.id));
    if (hidden.length) table.api.setNodesSelected({ nodes: hidden, newValue: false });
  }

  function keepAddress() {
    if (!restored) return;
    const { api } = table;
    rc.runsAddress.write({
      find,
      sort: rc.runsAddress.sortText(api.getColumnState()),
      filter: api.getFilterModel(),
      page: api.paginationGetCurrentPage() + 1,
    });
  }

  table.find = function (text) {
    if (text === find) return;
    find = text;
    table.api.setGridOption("quickFilterText", text);
  };

  /** Show the list that the address asks for. */
  function order() {
    const wanted = rc.runsAddress.read();
    page = wanted.page;
    table.api.applyColumnState({
      state: rc.runsAddress.sortState(wanted.sort),
      defaultState: { sort: null },
    });
    if (wanted.filter) table.api.setFilterModel(wanted.filter);
    if (wanted.find) {
      rc.setProps("runs-find", { value: wanted.find });
      table.find(wanted.find);
    }
  }

  /** A page of the list can only be gone to once there are rows. */
  function restore() {
    if (!table.api.getDisplayedRowCount()) {
      restored = true;
      return;
    }
    table.api.paginationGoToPage(page - 1);
    restored = true;
  }

  /** Begin to write in a cell of the chosen run. */
  table.write = function (column) {
    const node = table.api.getSelectedNodes()[0];
    if (!node) return;
    const size = table.api.paginationGetPageSize();
    table.api.paginationGoToPage(Math.floor(node.rowIndex / size));
    table.api.ensureIndexVisible(node.rowIndex);
    table.api.ensureColumnVisible(column);
    table.api.setFocusedCell(node.rowIndex, column);
    table.api.startEditingCell({ rowIndex: node.rowIndex, colKey: column });
  };

  table.listen = function (api) {
    table.api = api;
    order();
    api.addEventListener("selectionChanged", table.showChosen);
    api.addEventListener("sortChanged", keepAddress);
    api.addEventListener("paginationChanged", keepAddress);
    api.addEventListener("filterChanged", () => {
      letGoOfHidden();
      keepAddress();
      table.showChosen();
    });
  };
})();
