/* The comparison that is on the page, and asking for it. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  /** `found` is the comparison on the page, or null; `refused` that there is none to be had. */
  rc.compared = { found: null, refused: false };
  let wanted = "";

  Object.assign(rc, rc.makeAsker("/comparisons"));

  /** What names the comparison that the view asks for. */
  rc.asked = () => ({ a: rc.view.a, b: rc.view.b, method: rc.view.method, parameter: rc.view.parameter });

  /** Bring `found` in line with the view; `changed` is called with it, or with null. */
  rc.compare = async function (changed) {
    const asked = rc.asked();
    const picked = rc.view.experiment === null && asked.a !== null && asked.b !== null;
    const key = picked ? JSON.stringify(asked) : "";
    if (key === wanted) return;
    wanted = key;
    rc.compared.found = null;
    rc.compared.refused = false;
    rc.notice(null);
    rc.progress(picked ? { done: 0, total: 0 } : null, "");
    changed(null);
    if (!picked) return;
    const still = () => key === wanted;
    try {
      const said = await rc.askUntilDone("of", asked, still, (waiting) => rc.progress(waiting, ""));
      if (!said) return;
      rc.progress(null);
      rc.compared.found = said;
      changed(said);
    } catch (error) {
      if (!still()) return;
      rc.progress(null);
      rc.compared.refused = true;
      rc.notice(error.message);
      changed(null);
    }
  };

  /** Show how far the background process is; null takes the bar away. */
  rc.progress = function (waiting, more) {
    const place = rc.byId("compare-progress");
    place.hidden = !waiting;
    if (!waiting) {
      rc.showProgress(place);
      return;
    }
    const { done, total } = waiting;
    let text = "Matching the images of both runs …";
    if (waiting.behind) text = rc.BEHIND;
    else if (total) text = done < total ? `${rc.count(done)} of ${rc.count(total)} images folded` : "Clusters and matches …";
    rc.showProgress(place, more + text, total ? done / total : 0, "Comparison");
  };

  /** Once a thing of the comparison on the page is asked for twice at a time, the later answer counts. */
  rc.asker = function () {
    let number = 0;
    return async function (path, values, take) {
      const mine = ++number;
      const { found } = rc.compared;
      const current = () => mine === number && found === rc.compared.found;
      try {
        const said = await rc.ask(path, { ...rc.asked(), ...values });
        if (current()) take(said);
      } catch (error) {
        if (current()) rc.notice(error.message);
      }
    };
  };

  rc.percent = (share, digits) => (share === null ? "–" : `${(100 * share).toFixed(digits ?? 2)} %`);
  rc.figure = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));
})();
