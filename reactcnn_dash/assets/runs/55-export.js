/* A run's arrays as a file. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  function save(blob, name) {
    const link = rc.element("a", { href: URL.createObjectURL(blob), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  const nameIn = (answer, run) =>
    /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") || "")?.[1] || `run-${run.id}.npz`;

  /** Download the chosen run as .npz; what is wrong is said on the page. */
  rc.runsExport = async function () {
    const [run] = rc.runsTable.chosen();
    const button = rc.byId("runs-export");
    button.dataset.busy = "true";
    button.textContent = "Exporting…";
    rc.runsTable.showChosen();
    try {
      const answer = await fetch(`/runs/${run.uuid}/export/npz`);
      if (!answer.ok) throw new Error(await answer.text());
      save(await answer.blob(), nameIn(answer, run));
      rc.notice(null);
    } catch (error) {
      rc.notice(`${run.name} could not be exported: ${error.message}`);
    } finally {
      button.dataset.busy = "false";
      button.textContent = "Export";
      rc.runsTable.showChosen();
    }
  };
})();
