/* Files out of the page: the run's from the server, pictures from what is drawn. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const exports_ = (rc.exports = {});

  /** Fetch a file that the server makes; it may take a while, and it may be refused. */
  async function fetchFile(path, otherwise) {
    const { run } = rc.shown;
    if (!run) return;
    rc.notice("The server prepares the file…", "info");
    try {
      const answer = await fetch(`/runs/${run.uuid}/export/${path}`);
      if (!answer.ok) throw new Error(await answer.text());
      rc.save(await answer.blob(), rc.sentName(answer, otherwise));
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
      rc.save(blob, `${[String(run.id), run.name, ...names].map(rc.fileName).join("-")}.png`);
    } catch (error) {
      rc.notice(`The picture could not be made: ${error.message}`);
    }
  }

  exports_.graphPng = function () {
    if (openClusters()) savePicture(() => rc.snapshot.graph(), rc.view.layer, "clusters");
  };

  exports_.viewPng = () => savePicture(() => rc.snapshot.view(), `image-${rc.shown.image.ordinal}`);
})();
