/* Files out of the page: the run's from the server, pictures from what is drawn. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const exports_ = (rc.exports = {});

  function save(blob, name) {
    const link = rc.element("a", { href: URL.createObjectURL(blob), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    // The browser reads the file after the click has returned.
    window.setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  const plain = (text) => text.replace(/[^\p{L}\p{N}_.-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "");

  function nameIn(answer, otherwise) {
    const header = answer.headers.get("Content-Disposition") || "";
    const encoded = header.match(/filename\*=UTF-8''([^;]+)/i);
    if (encoded) return decodeURIComponent(encoded[1]);
    const simple = header.match(/filename="?([^";]+)"?/i);
    return simple ? simple[1] : otherwise;
  }

  /** Fetch a file that the server makes; it may take a while, and it may be refused. */
  async function fetchFile(path, otherwise) {
    const { run } = rc.shown;
    if (!run) return;
    rc.notice("The server prepares the file…", "info");
    try {
      const answer = await fetch(`/runs/${run.uuid}/export/${path}`);
      if (!answer.ok) throw new Error(await answer.text());
      save(await answer.blob(), nameIn(answer, otherwise));
      rc.notice(null);
    } catch (error) {
      rc.notice(`Nothing was exported: ${error.message}`);
    }
  }

  exports_.npz = () => fetchFile("npz", "run.npz");

  exports_.parquet = () => fetchFile("parquet", "run-parquet.zip");

  /** The clusters in the panel, or null with a hint. */
  function openClusters() {
    const { clusters } = rc.clusterPanel;
    if (rc.view.layer !== null && clusters && clusters.labels) return clusters;
    rc.notice("Open a layer's clusters first: click its name above the grid.", "info");
    return null;
  }

  exports_.graphml = function () {
    const clusters = openClusters();
    if (!clusters) return;
    const { layer, method, parameter, subset } = clusters;
    const query = new URLSearchParams({ layer, method, parameter });
    if (subset) query.set("subset", subset);
    fetchFile(`graphml?${query}`, "clusters.graphml");
  };

  async function savePicture(make, ...names) {
    const { run, image } = rc.shown;
    if (!run || !image) return;
    try {
      const blob = await make();
      save(blob, `${[String(run.id), run.name, ...names].map(plain).join("-")}.png`);
    } catch (error) {
      rc.notice(`The picture could not be made: ${error.message}`);
    }
  }

  exports_.graphPng = function () {
    if (openClusters()) savePicture(() => rc.snapshot.graph(), rc.view.layer, "clusters");
  };

  exports_.viewPng = () => savePicture(() => rc.snapshot.view(), `image-${rc.shown.image.ordinal}`);
})();
