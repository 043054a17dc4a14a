/* The head: which filter this is, how it stands, and the way to its neighbours by number. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  let layersOf = "";

  const card = (name, value, more, kind) =>
    rc.element(
      "div",
      { class: "fact" + (kind ? ` ${kind}` : "") },
      rc.element("div", { class: "fact-name" }, name),
      rc.element("div", { class: "fact-value" }, value),
      rc.element("div", { class: "fact-more", title: more }, more),
    );

  const value = (number) => (number === null ? "–" : rc.number(number));

  function standing({ images, dead, constant, low }) {
    if (dead) return ["Dead", `0 on all ${rc.count(images)} images`, "alarm"];
    if (constant) return ["Constant", `${value(low)} on all ${rc.count(images)} images`, "alarm"];
    return ["Active", `it varies over ${rc.count(images)} images`, ""];
  }

  function favourite({ favourite, selectivity, images, means }) {
    if (favourite === null || selectivity === null) return ["–", `no two classes among ${rc.count(images)} images`];
    const name = rc.className(rc.facts.run.classes, favourite);
    return [selectivity.toFixed(2), `most for ${name}, mean ${value(means[favourite])}`];
  }

  /** Draw the head and bring the controls in line. */
  rc.drawHead = function () {
    const { run, layers, layer, filter, state, classes } = rc.facts;
    const [name, filters] = layers[layer];
    document.title = `${rc.addressOf(name, filter)} · ReactCNN`;
    const [stands, why, kind] = standing(state);
    const [selective, whom] = favourite(classes);
    rc.byId("filter-head").replaceChildren(
      card("Filter", rc.addressOf(name, filter), `${run.model}, layer ${layer + 1} of ${layers.length}`, "address"),
      card("State", stands, why, kind),
      card("Mean GAP", value(state.mean), state.deviation === null ? "" : `standard deviation ${value(state.deviation)}`),
      card("Lowest to highest", `${value(state.low)} – ${value(state.high)}`, "GAP over the run"),
      card("Class selectivity", selective, whom),
    );
    const names = JSON.stringify(layers);
    if (names !== layersOf) {
      layersOf = names;
      rc.setProps("filter-layer", { data: layers.map(([one]) => ({ value: one, label: one })) });
    }
    rc.setProps("filter-layer", { value: name });
    rc.setProps("filter-number", { value: filter, max: filters - 1 });
    rc.setText("filter-of", `of ${rc.count(filters)}`);
    rc.byId("filter-live").href = rc.livePage({ run: run.id, layer: name, filter: rc.addressOf(name, filter) });
    const still = run.renewedAt !== null ? "still collecting" : null;
    const epoch = run.epoch === null || run.name.includes(`epoch ${run.epoch}`) ? null : `epoch ${run.epoch}`;
    const parts = [run.name, epoch, `${rc.count(run.stored)} images`, still];
    rc.setText("filter-run", parts.filter(Boolean).join(" · "));
  };

  /** The filter `step` further on in the layer; from the last to the first. */
  rc.stepFilter = function (step) {
    if (!rc.facts) return;
    const { run, layers, layer, filter } = rc.facts;
    const [name, filters] = layers[layer];
    // From where the view is, not the answer: a key that is held down goes on at once.
    const from = rc.view.layer === name ? rc.view.filter : filter;
    rc.setView({ run: run.id, layer: name, filter: (from + step + filters) % filters });
  };

  rc.copyAddress = async function () {
    if (!rc.facts) return;
    const { layers, layer, filter } = rc.facts;
    await rc.copy(rc.addressOf(layers[layer][0], filter));
    rc.setText("filter-copy", "Copied");
    window.setTimeout(() => rc.setText("filter-copy", "Copy address"), 1500);
  };
})();
