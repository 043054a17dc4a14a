/* Picking runs or an experiment, the clustering, and what to say while there is nothing to show. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const picking = (rc.picking = { runs: null, experiments: [] });

  /** Read what can be picked. */
  picking.load = async function () {
    const { runs, experiments } = await rc.ask("runs", {});
    picking.runs = runs;
    picking.experiments = experiments;
    const known = new Set(runs.map((run) => run.value));
    const asked = [rc.view.a, rc.view.b].filter((id) => id !== null && !known.has(String(id)));
    const more = [...new Set(asked)].map((id) => ({ value: String(id), label: `run ${id}` }));
    for (const id of ["compare-a", "compare-b"]) rc.setProps(id, { data: [...runs, ...more] });
    rc.setProps("compare-experiment", { data: experiments });
  };

  picking.swap = () => rc.setView({ a: rc.view.b, b: rc.view.a, image: null, cluster: null });

  /** Two runs, or an experiment. */
  picking.mode = function (mode) {
    const experiment = mode === "experiment";
    if (experiment === (rc.view.experiment !== null)) return;
    const only = picking.experiments.length === 1 ? picking.experiments[0].value : "";
    rc.setView({ experiment: experiment ? only : null, image: null, cluster: null });
  };

  /** Another pair: nothing of the old one stays open. */
  picking.run = function (side, value) {
    const id = Number(value);
    if (rc.view[side] !== id) rc.setView({ [side]: id, image: null, page: 1, cluster: null });
  };

  picking.method = function (method) {
    if (method !== rc.view.method) rc.setView({ method, parameter: null, cluster: null });
  };

  /** The parameter in force: asked for, or the one that suits the chosen layer. */
  function parameter() {
    const { found } = rc.compared;
    if (rc.view.parameter !== null) return rc.view.parameter;
    const layer = found ? rc.chosenLayer() : null;
    return layer ? layer.parameter : null;
  }

  picking.parameter = function (method, value) {
    if (method === rc.view.method && value !== parameter()) rc.setView({ parameter: value, cluster: null });
  };

  /** Bring the controls in line with the view. */
  picking.draw = function () {
    const { view } = rc;
    const app = rc.byId("app");
    app.dataset.mode = view.experiment === null ? "runs" : "experiment";
    rc.showParameter(app, view.method);
    rc.show("compare-mode", app.dataset.mode);
    rc.show("compare-a", view.a === null ? null : String(view.a));
    rc.show("compare-b", view.b === null ? null : String(view.b));
    rc.show("compare-experiment", view.experiment || null);
    rc.show("compare-against", view.against);
    rc.show("compare-method", view.method);
    const value = parameter();
    const id = rc.methods().has(view.method) ? `compare-parameter-${view.method}` : null;
    if (id && value === null) rc.setText(`${id}-value`, "auto");
    if (id && value !== null) {
      rc.show(id, value);
      rc.setText(`${id}-value`, `${rc.method(view.method).symbol} = ${value}${view.parameter === null ? " (auto)" : ""}`);
    }
    const link = rc.byId("compare-export");
    link.hidden = !rc.compared.found;
    const query = new URLSearchParams(Object.entries(rc.asked()).filter(([, value_]) => value_ !== null));
    link.href = `/comparisons/json?${query}`;
  };

  function newest() {
    const [b, a] = picking.runs;
    const button = rc.element("button", { class: "text-button", type: "button" }, "Compare the two newest");
    button.addEventListener("click", () => rc.setView({ a: Number(a.value), b: Number(b.value) }));
    return button;
  }

  function empty() {
    const { view } = rc;
    if (picking.runs === null || rc.compared.found) return null;
    if (!picking.runs.length) {
      return {
        title: "No runs yet",
        text: "Collect two checkpoints of a network over the same images, then come back.",
        command: "python -m collector",
      };
    }
    if (view.experiment !== null) {
      if (view.experiment) return null;
      if (picking.experiments.length) return { title: "Pick an experiment", text: "Its epochs are compared one by one, and drawn as curves." };
      return {
        title: "No experiment yet",
        text: "An experiment is a training with a run after each epoch. Train one, or use the Keras callback:",
        command: "python -m collector train",
      };
    }
    if (view.a !== null && view.b !== null) {
      return rc.compared.refused ? { title: "Nothing to compare", text: "Pick two runs whose networks share layers and that saw the same images." } : null;
    }
    if (picking.runs.length === 1) {
      return {
        title: "One run is not enough",
        text: "Collect another checkpoint of the network over the same images.",
        command: "python -m collector --model FILE",
      };
    }
    return { title: "Pick two runs", text: "A and B should have seen the same images: they are recognised by their pixels, whatever their order.", action: newest };
  }

  /** Say what to do next while there is nothing to show. */
  picking.drawEmpty = function () {
    const place = rc.byId("empty");
    const what = empty();
    place.hidden = !what;
    if (!what) return;
    const parts = [rc.element("h1", {}, what.title), rc.element("p", {}, what.text)];
    if (what.command) parts.push(rc.element("div", { class: "command" }, rc.element("code", {}, what.command)));
    if (what.action) parts.push(rc.element("p", { class: "empty-action" }, what.action()));
    place.replaceChildren(...parts);
  };
})();
