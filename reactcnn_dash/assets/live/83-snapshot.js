/* The view as one picture: composed on a canvas from what the page knows, at twice the size. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const snapshot = (rc.snapshot = {});
  const SCALE = 2;
  const MARGIN = 24;
  const HEAD = 62;
  const SIDE = 220;
  const PANEL = 340;
  const GRAPH = 300;
  const ROWS = 14;
  // Above, browsers refuse a canvas.
  const LARGEST_SIDE = 16000;

  const r = (value) => (value === null ? "–" : value.toFixed(3).replace("-", "−"));

  const graph = () => rc.byId("graph")?._cyreg?.cy;

  /** The cluster graph as a PNG, `across` pixels wide or less. */
  async function graphPicture(across) {
    const cy = graph();
    const box = cy.elements().boundingBox();
    const scale = Math.min(4, across / Math.max(1, box.w), across / Math.max(1, box.h));
    const bg = getComputedStyle(document.documentElement).getPropertyValue("--ground").trim();
    return createImageBitmap(await cy.png({ output: "blob-promise", full: true, scale, bg }));
  }

  /** What the clusters are of: method, parameter and images. */
  function clustersOf(clusters) {
    const over = clusters.subset ? rc.search.words(clusters.subset) : "the whole run";
    return `${clusters.methodLabel}, ${clusters.symbol} = ${clusters.parameter}  ·  over ${over}`;
  }

  /** The cluster graph alone as a PNG, with a title. */
  snapshot.graph = async function () {
    const picture = await graphPicture(1600);
    const { clusters } = rc.clusterPanel;
    const [width, height] = [Math.max(picture.width, 900) / SCALE + 2 * MARGIN, picture.height / SCALE + HEAD + 2 * MARGIN];
    const canvas = rc.element("canvas", { width: Math.round(width * SCALE), height: Math.round(height * SCALE) });
    const context = canvas.getContext("2d");
    context.scale(SCALE, SCALE);
    const brush = rc.brush(context);
    brush.box(0, 0, width, height, { fill: "ground" });
    const words = `${clustersOf(clusters)}  ·  ${rc.byId("cluster-summary").textContent}`;
    brush.text(`${rc.shown.run.name}: clusters of ${rc.view.layer}`, MARGIN, MARGIN + 15, { size: 16, weight: 700, room: width - 2 * MARGIN });
    brush.text(words, MARGIN, MARGIN + 35, { size: 12, ink: "ink-soft", room: width - 2 * MARGIN });
    brush.picture(picture, MARGIN, HEAD + MARGIN, width - 2 * MARGIN, picture.height / SCALE, true);
    return rc.pngOf(canvas);
  };

  function drawHead(brush, width) {
    const { run, model, image } = rc.shown;
    const verdict = image.label === null ? "" : image.label === image.prediction ? " (right)" : `, is ${rc.className(model.classes, image.label)}`;
    const parts = [
      `Image ${rc.count(image.ordinal)} of ${rc.count(run.stored)}`,
      `predicted ${rc.className(model.classes, image.prediction)}${verdict}`,
    ];
    if (rc.view.layer !== null) parts.push(`layer ${rc.view.layer}`);
    parts.push(`${run.model}, checkpoint ${run.checkpoint}`);
    brush.text(run.name, MARGIN, MARGIN + 15, { size: 18, weight: 700, room: width - 140 });
    brush.text(parts.join("  ·  "), MARGIN, MARGIN + 35, { size: 12, ink: "ink-soft", room: width - 2 * MARGIN });
    brush.text("ReactCNN", width - MARGIN, MARGIN + 15, { size: 12, weight: 700, ink: "ink-faint", align: "right" });
  }

  function drawSide(brush, x, y) {
    const { model, image } = rc.shown;
    const name = (index) => rc.className(model.classes, index);
    brush.picture(rc.byId("image"), x, y, 206, 206, false);
    brush.box(x, y, 206, 206, { line: "line" });
    const wrong = image.label !== null && image.label !== image.prediction;
    brush.text(`Image ${rc.count(image.ordinal)}`, x, y + 228, { weight: 600 });
    const said = image.label === null ? "" : wrong ? ` — wrong, it is ${name(image.label)}` : " — right";
    brush.text(`predicted ${name(image.prediction)}${said}`, x, y + 246, { ink: wrong ? "red" : "ink-soft", room: SIDE });
    brush.text("Class probabilities", x, y + 276, { weight: 600 });
    image.probabilities.forEach(([index, p], i) => {
      const line = y + 296 + 20 * i;
      const predicted = index === image.prediction;
      const ink = predicted ? "red" : "ink";
      const weight = predicted ? 600 : 400;
      brush.text(name(index) + (index === image.label ? " ✓" : ""), x, line, { size: 12, ink, weight, room: 74 });
      brush.box(x + 80, line - 8, 84, 8, { fill: "track", radius: 4 });
      const length = 84 * Math.max(0, Math.min(1, p));
      if (length > 0.5) brush.box(x + 80, line - 8, length, 8, { fill: predicted ? "red" : "bar", radius: Math.min(4, length / 2) });
      const percent = p < 0 ? "NaN" : `${(100 * p).toFixed(1)} %`;
      brush.text(percent, x + 216, line, { size: 12, ink: predicted ? "red" : "ink-soft", weight, align: "right" });
    });
    return 296 + 20 * image.probabilities.length;
  }

  function drawLegend(brush, x, y) {
    const words = [...rc.byId("legend").querySelectorAll(".legend-title, .legend-scale > span")].map((one) => one.textContent);
    const [title, low, , high] = words;
    brush.text(title, x, y, { size: 11, ink: "ink-soft" });
    const start = x + brush.text(low, x, y + 16, { size: 11, ink: "ink-soft" }) + 6;
    brush.gradient(rc.gridColours().css.slice(0, 255), start, y + 8, 100, 8);
    brush.text(high, start + 106, y + 16, { size: 11, ink: "ink-soft" });
  }

  /** The feature map where it stands on the page, if one is shown. */
  function drawMap(brush, x, y) {
    const box = rc.grid.canvas.querySelector(".map");
    if (!box || box.hidden || box.classList.contains("without")) return;
    const origin = rc.grid.canvas.getBoundingClientRect();
    const picture = box.querySelector("canvas");
    const place = picture.getBoundingClientRect();
    const [left, top] = [x + place.left - origin.left, y + place.top - origin.top];
    brush.picture(picture, left, top, place.width, place.height, false);
    brush.box(left, top, place.width, place.height, { line: "line" });
    const caption = box.querySelector(".map-caption").textContent;
    const at = rc.pointer.at || rc.parseFilter(rc.view.filter);
    const words = at ? `${rc.address(at)}: ${caption}` : caption;
    brush.text(words, left + place.width / 2, top - 5, { size: 11, ink: "ink-soft", align: "center" });
  }

  function tableRows() {
    const rows = [];
    window.dash_ag_grid.getApi("cluster-table").forEachNodeAfterFilterAndSort((node) => rows.push(node.data));
    return rows;
  }

  function drawTable(brush, rows, x, y) {
    const columns = [["Cluster", 0, "left"], ["Filters", 120, "right"], ["Mean r", 190, "right"], ["Lowest r", 262, "right"]];
    const beside = rows.some((row) => row.together !== null);
    if (beside) columns.push(["Together", PANEL, "right"]);
    for (const [name, at, align] of columns) brush.text(name, x + at, y, { size: 11, ink: "ink-faint", align });
    rows.slice(0, ROWS).forEach((row, i) => {
      const line = y + 19 * (i + 1);
      const ink = row.cluster === rc.view.cluster ? "red" : "ink";
      brush.context.fillStyle = row.cluster === rc.view.cluster ? brush.colour("red") : row.colour;
      brush.context.beginPath();
      brush.context.arc(x + 5, line - 4, 4.5, 0, 2 * Math.PI);
      brush.context.fill();
      const cells = [String(row.cluster), String(row.size), r(row.mean), r(row.lowest), `${row.together} of ${row.size}`];
      columns.forEach(([, at, align], c) => brush.text(cells[c], x + at + (c ? 0 : 16), line, { size: 12, ink, align }));
    });
    if (rows.length > ROWS) brush.text(`and ${rows.length - ROWS} more`, x, y + 19 * (ROWS + 1), { size: 11, ink: "ink-faint" });
  }

  async function drawPanel(brush, x, y, rows) {
    const { clusters } = rc.clusterPanel;
    brush.text(`Clusters of ${rc.view.layer}`, x, y + 12, { size: 14, weight: 600 });
    brush.text(clustersOf(clusters), x, y + 30, { size: 12, ink: "ink-soft", room: PANEL });
    const picture = await graphPicture(PANEL * SCALE * 2);
    brush.box(x, y + 42, PANEL, GRAPH, { fill: "ground", line: "line", radius: 6 });
    brush.picture(picture, x + 8, y + 50, PANEL - 16, GRAPH - 16, true);
    brush.text(rc.byId("cluster-summary").textContent, x, y + GRAPH + 62, { size: 12, ink: "ink-soft", room: PANEL });
    let below = y + GRAPH + 88;
    const { beside } = clusters;
    if (beside) {
      const words = `Whole run: ${beside.clusters} clusters, mean r inside ${r(beside.mean)}; these: ${r(beside.subsetMean)}; ARI ${r(beside.agreement)}`;
      brush.text(words, x, below - 8, { size: 11, ink: "ink-soft", room: PANEL });
      below += 14;
    }
    drawTable(brush, rows, x, below);
  }

  /** The whole view as a PNG. */
  snapshot.view = async function () {
    const { geometry } = rc.grid;
    const { clusters } = rc.clusterPanel;
    const withPanel = rc.view.layer !== null && clusters && clusters.labels;
    const rows = withPanel ? tableRows() : [];
    const panelHeight = withPanel ? GRAPH + 130 + 19 * Math.min(rows.length, ROWS + 1) : 0;
    const width = MARGIN + SIDE + 20 + geometry.width + (withPanel ? 20 + PANEL : 0) + MARGIN;
    const sideHeight = 310 + 20 * rc.shown.image.probabilities.length;
    const height = HEAD + MARGIN + Math.max(geometry.height + 30, sideHeight, panelHeight) + MARGIN;
    const scale = Math.min(SCALE, LARGEST_SIDE / Math.max(width, height));
    const canvas = rc.element("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const brush = rc.brush(context);
    brush.box(0, 0, width, height, { fill: "surface" });
    drawHead(brush, width);
    const top = HEAD + MARGIN;
    drawSide(brush, MARGIN, top);
    const left = MARGIN + SIDE + 20;
    drawLegend(brush, left + 10, top + 8);
    rc.brushGrid(brush, left, top + 30);
    drawMap(brush, left, top + 30);
    if (withPanel) await drawPanel(brush, left + geometry.width + 20, top, rows);
    return rc.pngOf(canvas);
  };
})();
