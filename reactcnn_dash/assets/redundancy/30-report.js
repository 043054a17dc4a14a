/* The report that is on the page: asked for, and its summary, controls and empty states. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const SETTLE_MS = 350;

  /** `runs` once they are known; `report` of the run and threshold in the view, or null. */
  const page = (rc.page = { runs: null, report: null, refused: false });
  let wanted = "";
  let later = 0;

  /** The run in the view, or the newest; null without any. */
  rc.runId = () => rc.view.run ?? (page.runs && page.runs.length ? Number(page.runs[0].value) : null);

  const asked = () => ({ run: rc.runId(), threshold: rc.view.threshold });

  page.loadRuns = async function () {
    const { runs } = await rc.ask("runs", {});
    page.runs = runs;
    const known = runs.some((run) => Number(run.value) === rc.view.run);
    const more = rc.view.run === null || known ? [] : [{ value: String(rc.view.run), label: `run ${rc.view.run}` }];
    rc.setProps("redundancy-run", { data: [...runs, ...more] });
  };

  page.chooseRun = function (value) {
    const run = Number(value);
    if (run !== rc.runId()) rc.setView({ run, layer: null, cluster: null });
  };

  /** A step of the slider: many may follow each other. */
  page.chooseThreshold = function (value) {
    const threshold = Math.round(value * 100) / 100;
    rc.setText("redundancy-value", `τ = ${threshold}`);
    window.clearTimeout(later);
    if (threshold === rc.view.threshold) return;
    later = window.setTimeout(() => rc.setView({ threshold, cluster: null }), SETTLE_MS);
  };

  function progress(waiting) {
    const place = rc.byId("redundancy-progress");
    place.hidden = !waiting;
    rc.showWork(place, waiting, "Comparing feature maps, clustering layers …", "Report");
  }

  /** Bring the report in line with the view. */
  page.ask = async function (changed) {
    const values = asked();
    const key = values.run === null ? "" : JSON.stringify(values);
    if (key === wanted) return;
    wanted = key;
    const sameRun = page.report && page.report.run.id === values.run;
    // Another threshold leaves the old report in sight until the new one is there.
    if (!sameRun) page.report = null;
    page.refused = false;
    rc.notice(null);
    changed();
    if (!key) return;
    const still = () => key === wanted;
    try {
      const said = await rc.askUntilDone("of", values, still, progress);
      if (!said) return;
      page.report = said;
    } catch (error) {
      if (!still()) return;
      page.report = null;
      page.refused = true;
      rc.notice(error.message);
    }
    progress(null);
    changed();
  };

  /** Ask anew for a run that has grown. */
  page.renew = function (changed) {
    wanted = "";
    page.ask(changed);
  };

  /** Whether the report on the page is still that of another threshold. */
  page.stale = () => Boolean(page.report) && page.report.threshold !== rc.view.threshold;

  function empty() {
    if (page.runs === null || page.report) return null;
    if (rc.runId() === null) {
      return {
        title: "No runs yet",
        text: "Collect the answers of a network over some images, with their feature maps, then come back.",
        command: "python -m collector --feature-maps all",
      };
    }
    if (!page.refused) return null;
    return { title: "Nothing to report", text: "Pick another run above. A report needs at least two images; some hundred make it worth reading." };
  }

  /** What is behind the report. */
  page.basis = function (report) {
    const maps = report.mapImages ? `the feature maps of ${rc.count(report.mapImages)} of them` : "no feature maps";
    return `${rc.count(report.images)} images and ${maps}; clusters of r ≥ ${report.threshold} on average`;
  };

  function advice(report, changed) {
    const parts = [];
    if (!report.mapImages) {
      parts.push(
        rc.element(
          "span",
          { class: "summary-advice" },
          "GAP forgets position, so every cluster stays a candidate. Collect again with ",
          rc.element("code", {}, "--feature-maps all"),
          " to let the maps confirm them.",
        ),
      );
    }
    if (report.run.state === "collecting") {
      const again = rc.element("button", { class: "text-button", type: "button", onclick: () => page.renew(changed) }, "Renew");
      parts.push(rc.element("span", { class: "summary-advice" }, "The run is still being collected. ", again));
    }
    return parts;
  }

  /** Draw what depends on the report as a whole. */
  page.draw = function (changed) {
    const { report } = page;
    const id = rc.runId();
    rc.setProps("redundancy-run", { value: id === null ? null : String(id) });
    rc.setProps("redundancy-threshold", { value: rc.view.threshold });
    rc.setText("redundancy-value", `τ = ${rc.view.threshold}`);
    const summary = rc.byId("redundancy-summary");
    summary.hidden = !report;
    rc.byId("redundancy-body").hidden = !report;
    rc.byId("app").classList.toggle("stale", page.stale());
    const ready = Boolean(report) && !page.stale();
    rc.byId("redundancy-export").hidden = !ready;
    rc.byId("redundancy-export").href = `/redundancies/json?${new URLSearchParams(asked())}`;
    rc.byId("redundancy-print").hidden = !ready;
    rc.showEmpty(rc.byId("empty"), empty(), "");
    document.title = report ? `${report.run.name} · Redundancy · ReactCNN` : "Redundancy · ReactCNN";
    if (!report) return;
    summary.replaceChildren(
      rc.element("strong", {}, report.summary),
      rc.element("span", { class: "summary-basis" }, `${page.basis(report)}.`),
      ...advice(report, changed),
    );
  };
})();
