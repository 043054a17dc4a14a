/* The filter across checkpoints: its mean GAP and spread in each run, every point a link. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const PAD = { left: 44, right: 12, top: 8, bottom: 20 };
  let said = null;

  const place = () => rc.byId("filter-history");
  const name = (run) => (said.epochs ? `Epoch ${run.epoch}` : run.name);
  const value = (number) => (number === null ? "–" : rc.number(number));

  function tipLines(run) {
    const stands = run.dead ? "dead: always 0" : run.constant ? `constant: always ${value(run.low)}` : `mean ${value(run.mean)} ± ${value(run.deviation)}`;
    const accuracy = run.accuracy === null ? "" : ` · accuracy ${(100 * run.accuracy).toFixed(1)} %`;
    const selective = run.selectivity === null ? "" : ` · class selectivity ${run.selectivity.toFixed(2)}`;
    return [`${name(run)} · ${stands}${selective}`, `from ${value(run.low)} to ${value(run.high)}`, `${rc.count(run.images)} images${accuracy}`];
  }

  function point(run, x, y) {
    const { layers, layer, filter } = rc.facts;
    const here = run.id === rc.facts.run.id;
    const words = `${tipLines(run)[0]}${here ? ", this run" : ". Open the filter there"}`;
    const link = rc.svg(
      "a",
      { href: rc.filterPage(run.id, layers[layer][0], filter), class: "past" + (here ? " here" : "") + (run.constant ? " still" : ""), "aria-label": words, "data-run": run.id },
      rc.svg("circle", { class: "past-hit", cx: x, cy: y, r: 11 }),
      rc.svg("circle", { class: "past-point", cx: x, cy: y, r: here ? 5 : 4 }),
    );
    link.addEventListener("pointermove", (event) => rc.tip(tipLines(run), { x: event.clientX, y: event.clientY }));
    link.addEventListener("pointerleave", () => rc.tip(null, null));
    return link;
  }

  function picture(width, height) {
    const runs = said.runs.filter((run) => run.mean !== null);
    const spread = (run) => run.deviation ?? 0;
    const ends = runs.flatMap((run) => [Math.max(run.low, run.mean - spread(run)), Math.min(run.high, run.mean + spread(run))]);
    let [low, high] = [Math.min(...ends), Math.max(...ends)];
    if (high - low < 1e-12) [low, high] = [low - 0.5, high + 0.5];
    const last = Math.max(1, runs.length - 1);
    const x = (i) => PAD.left + 10 + (runs.length === 1 ? 0.5 : i / last) * (width - PAD.left - PAD.right - 20);
    const y = (v) => height - PAD.bottom - ((Math.min(high, Math.max(low, v)) - low) / (high - low)) * (height - PAD.top - PAD.bottom);
    const node = rc.svg("svg", { width, height, role: "group", "aria-label": "Mean GAP in each run" });
    for (const v of [low, (low + high) / 2, high]) {
      const text = rc.svg("text", { class: "scatter-text", x: PAD.left - 5, y: y(v) + 3.5, "text-anchor": "end" });
      text.textContent = rc.number(v);
      node.append(rc.svg("line", { class: "scatter-axis", x1: PAD.left, x2: width - PAD.right, y1: y(v), y2: y(v) }), text);
    }
    const edge = (sign) => runs.map((run, i) => `${x(i).toFixed(1)},${y(Math.min(run.high, Math.max(run.low, run.mean + sign * spread(run)))).toFixed(1)}`);
    node.append(rc.svg("path", { class: "past-band", d: `M${edge(1).join("L")}L${edge(-1).reverse().join("L")}Z` }));
    // Its scale is 0 to 1, over the whole height; runs without classes interrupt the line.
    const share = (v) => height - PAD.bottom - v * (height - PAD.top - PAD.bottom);
    let pen = "M";
    const selective = runs.map((run, i) => {
      const step = run.selectivity === null ? "" : `${pen}${x(i).toFixed(1)},${share(run.selectivity).toFixed(1)}`;
      pen = run.selectivity === null ? "M" : "L";
      return step;
    });
    node.append(rc.svg("path", { class: "past-selectivity", d: selective.join("") }));
    node.append(rc.svg("path", { class: "past-line", d: `M${runs.map((run, i) => `${x(i).toFixed(1)},${y(run.mean).toFixed(1)}`).join("L")}` }));
    const every = Math.ceil(runs.length / Math.max(1, Math.floor((width - PAD.left) / (said.epochs ? 30 : 90))));
    runs.forEach((run, i) => {
      node.append(point(run, x(i), y(run.mean)));
      if (i % every && i !== runs.length - 1) return;
      const text = rc.svg("text", { class: "scatter-text", x: x(i), y: height - 5, "text-anchor": "middle" });
      text.textContent = said.epochs ? run.epoch : run.name.slice(0, 14);
      node.append(text);
    });
    return node;
  }

  function caption() {
    const { experiment, epochs, runs } = said;
    const whose = experiment ? `of ${experiment}` : "of this model over the same images";
    const dead = runs.filter((run) => run.dead).length;
    const still = dead ? ` Dead in ${rc.count(dead)}.` : "";
    const known = runs.some((run) => run.selectivity !== null);
    const selective = known ? " Dashed: class selectivity, from 0 at the bottom to 1 at the top." : "";
    const rising = epochs && runs.every((run, i) => !i || run.epoch > runs[i - 1].epoch);
    return `Mean GAP ± standard deviation in ${rc.count(runs.length)} runs ${whose}${rising ? ", by epoch" : ", by age"}.${still}${selective}`;
  }

  rc.drawHistory = function () {
    if (!said) return;
    if (said.runs.length < 2) {
      const more = said.experiment ? "Its experiment has no other run with this layer yet; a run that is still being collected joins when its statistics are first saved." : "Train with “python -m collector train”, or collect the same images with another checkpoint of this model: the filter's way through them appears here.";
      rc.say("filter-history", `Only this run. ${more}`);
      return;
    }
    const room = rc.element("div", { class: "past-room" });
    place().replaceChildren(room, rc.element("p", { class: "small" }, caption()));
    room.append(picture(room.clientWidth, room.clientHeight));
  };

  rc.loadHistory = async function (still) {
    try {
      const found = await rc.ask("history");
      if (!still()) return;
      said = found;
      rc.drawHistory();
    } catch (error) {
      if (still()) rc.say("filter-history", error.message);
    }
  };
})();
