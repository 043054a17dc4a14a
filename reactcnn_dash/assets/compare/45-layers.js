/* The layers: their table, and the matrix of every layer of A with every layer of B. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const NAME = 92;
  const HEAD = 30;
  const LEAST = 9;
  let tableRow = null;

  /** The layer that is chosen, or the first. */
  rc.chosenLayer = function () {
    const { layers } = rc.compared.found;
    return layers.find((layer) => layer.name === rc.view.layer) || layers[0];
  };

  rc.chooseLayer = (name) => rc.setView({ layer: name, cluster: null });

  /** A row of the table was chosen, by mouse or keyboard. */
  rc.chooseLayerRow = function (rows) {
    if (!Array.isArray(rows) || !rows.length || rows[0].name === tableRow) return;
    tableRow = rows[0].name;
    rc.chooseLayer(tableRow);
    if (rc.view.tab === "images") rc.setView({ tab: "filters" });
  };

  /** Select a row of the table unless it is: the table reports its own choices back. */
  function selectRow(name) {
    if (name === tableRow) return;
    tableRow = name;
    rc.setProps("compare-layers", { selectedRows: { ids: [name] } });
  }

  /** Fill the table with a comparison's layers. Without one it is out of sight, and stays as it is. */
  rc.fillLayers = function (found) {
    if (!found) return;
    tableRow = null;
    rc.byId("app").style.setProperty("--layers", found.layers.length);
    rc.setProps("compare-layers", { rowData: found.layers });
  };

  /** Dark ink on a light cell, light ink on a dark one. */
  function inkOn(code) {
    const [r, g, b] = rc.colours().bytes.subarray(3 * code, 3 * code + 3);
    return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#1a2230" : "#ffffff";
  }

  function cell(value, names, place, [width, height]) {
    const code = value === null ? null : Math.round(254 * Math.max(0, Math.min(1, value)));
    const group = rc.svg("g", { role: "gridcell", class: "matrix-cell", "aria-label": `${names[0]} in A, ${names[1]} in B: CKA ${rc.figure(value)}` });
    group.append(
      rc.svg("rect", {
        x: place[0],
        y: place[1],
        width: width - 1,
        height: height - 1,
        fill: code === null ? "var(--track)" : rc.colours().css[code],
      }),
    );
    if (width >= 26 && height >= 11) {
      const text = rc.svg("text", {
        x: place[0] + (width - 1) / 2,
        y: place[1] + height / 2 + 3,
        "text-anchor": "middle",
        fill: code === null ? "var(--ink-faint)" : inkOn(code),
      });
      text.textContent = value === null ? "–" : value.toFixed(2).replace(/^0/, "");
      group.append(text);
    }
    group.addEventListener("pointermove", (event) =>
      rc.tip([`CKA ${rc.figure(value)}`, `${names[0]} in A, ${names[1]} in B`], { x: event.clientX, y: event.clientY }),
    );
    return group;
  }

  function row(found, i, size) {
    const { name } = found.layers[i];
    const group = rc.svg("g", { role: "row", class: "matrix-row", tabindex: "0", "data-layer": name, "aria-label": `${name} in A` });
    const y = HEAD + i * size[1];
    const label = rc.svg("text", { x: NAME - 6, y: y + size[1] / 2 + 3.5, "text-anchor": "end", class: "matrix-name" });
    label.textContent = size[1] >= 10 || i % 3 === 0 ? name : "";
    group.append(label);
    found.cka[i].forEach((value, j) =>
      group.append(cell(value, [name, found.layers[j].name], [NAME + j * size[0], y], size)),
    );
    group.append(
      rc.svg("rect", { class: "matrix-ring", x: NAME - 1.5, y: y - 1.5, width: size[0] * found.layers.length + 1, height: size[1] + 1 }),
    );
    group.addEventListener("click", () => rc.chooseLayer(name));
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      rc.chooseLayer(name);
    });
    return group;
  }

  /** Draw the matrix into the room that the table leaves. */
  rc.drawMatrix = function () {
    const place = rc.byId("compare-matrix");
    const { found } = rc.compared;
    if (!found) {
      place.replaceChildren();
      return;
    }
    const count = found.layers.length;
    const across = (place.clientWidth - NAME - 2) / count;
    const down = Math.max(LEAST, Math.min(34, (place.clientHeight - HEAD - 4) / count));
    const size = [Math.max(LEAST, Math.min(across, 3.2 * down)), down];
    const picture = rc.svg("svg", {
      class: "matrix-picture",
      role: "grid",
      "aria-label": "CKA of every layer of A with every layer of B",
      width: NAME + size[0] * count + 2,
      height: HEAD + size[1] * count + 2,
    });
    const title = rc.svg("text", { x: 0, y: 11, class: "matrix-title" });
    title.textContent = `CKA of each layer of A (rows) with each of B (columns)${found.ckaImages < found.images ? `, off its diagonal over ${rc.count(found.ckaImages)} of the images` : ""}`;
    picture.append(title);
    for (let j = 0; j < count; j++) {
      if (size[0] < 16 && (j + 1) % 5) continue;
      const text = rc.svg("text", { x: NAME + (j + 0.5) * size[0], y: HEAD - 4, "text-anchor": "middle", class: "matrix-name" });
      text.textContent = j + 1;
      picture.append(text);
    }
    for (let i = 0; i < count; i++) picture.append(row(found, i, size));
    picture.addEventListener("pointerleave", () => rc.tip(null, null));
    place.replaceChildren(picture);
    rc.markLayer();
  };

  /** Mark the chosen layer in table and matrix. */
  rc.markLayer = function () {
    if (!rc.compared.found) return;
    const { name } = rc.chosenLayer();
    selectRow(name);
    for (const node of rc.byId("compare-matrix").querySelectorAll(".matrix-row")) {
      node.classList.toggle("chosen", node.dataset.layer === name);
      node.setAttribute("aria-selected", String(node.dataset.layer === name));
    }
    rc.setText("compare-layer", rc.view.tab === "images" ? "" : name);
  };
})();
