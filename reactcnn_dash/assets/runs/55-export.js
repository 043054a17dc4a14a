/* A run's arrays as a file. */
(function () {
  "use strict";

  const rc = window.reactcnn;

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
      rc.save(await answer.blob(), rc.sentName(answer, `run-${run.id}.npz`));
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
