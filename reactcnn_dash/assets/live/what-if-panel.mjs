/* The panel below the grid that says what the network would answer without some filters. */
import { BEHIND, shareDone, showProgress } from "../base/asker.mjs";
import { diverging, legend } from "../base/colours.mjs";
import { byId, div, element, paragraph, span, textButton, toolButton, track } from "../base/dom.mjs";
import { answer, count, figure, number, percent, plural, probability } from "../base/format.mjs";
import * as ids from "../generated/ids.mjs";
import { redFilters } from "./clusters.mjs";
import { address, answerOf, classOf, layers, namesClasses, openIndex, pinned, shown } from "./shown.mjs";
import { view } from "./view.mjs";
import {
  askOverRun,
  cancelOverRun,
  closePanel,
  failure,
  ofImage,
  ofRun,
  switchedOff,
  switchOn,
  toggleCluster,
  toggleFilter,
  toggleOff,
  tryAgain,
  whatIf,
} from "./what-if.mjs";
import { countOff } from "./what-if-text.mjs";

/** @import { WhatIfRun } from "../generated/live.d.ts" */
/** @import { Running } from "../generated/shared.d.ts" */

/**
 * A button of the panel.
 * @param {string} words
 * @param {string} id
 * @param {() => void} act
 * @param {string} [title]
 */
const button = (words, id, act, title = words) => textButton(words, act, { id, title });

/** How far the model's answer is, in words. @param {Running} waiting */
function waitingText({ loading, behind, done, total }) {
  if (behind) return BEHIND;
  if (loading) return "Loading the model …";
  return total ? `${count(done)} of ${count(total)} images` : "Computing …";
}

/** @param {"zero" | "mean"} value @param {string} words @param {string} title */
function radio(value, words, title) {
  const input = element("input", {
    type: "radio",
    name: "what-if-instead",
    value,
    onchange: () => view.set({ instead: value }),
  });
  input.checked = view.now.instead === value;
  return element("label", { title }, input, words);
}

function head() {
  const at = pinned();
  const red = redFilters();
  const off = switchedOff();
  const isOff = at !== null && (off.get(at.layer) ?? []).includes(at.filter);
  const redOff = red.length > 0 && red.every((filter) => (off.get(openIndex()) ?? []).includes(filter));
  return div(
    "what-if-head",
    element("h2", {}, "What if …"),
    at
      ? button(
          `Switch ${isOff ? "on" : "off"} ${address(at)}`,
          "what-if-filter",
          () => toggleFilter(),
          "The pinned filter (X)",
        )
      : null,
    red.length
      ? button(
          `Switch ${redOff ? "on" : "off"} the red cluster (${plural(red.length, "filter")})`,
          "what-if-cluster",
          toggleCluster,
        )
      : null,
    element(
      "span",
      { class: "what-if-instead", role: "radiogroup", "aria-label": "What stands in their place" },
      radio("zero", "zero", "Their feature maps are 0 everywhere"),
      radio(
        "mean",
        "their mean",
        "Their feature maps are, everywhere, the mean of the filter's GAP over the run",
      ),
    ),
    span("spacer"),
    countOff(off) ? button("Back to the network as it is", "what-if-back", switchOn) : null,
    toolButton("close", "Close what if", closePanel, {
      id: "what-if-close",
      title: "Close, with all filters on (W)",
    }),
  );
}

function chips() {
  const off = switchedOff();
  const total = countOff(off);
  if (!total) {
    return paragraph(
      "small",
      "Pin a filter by a click, or choose a cluster, and switch it off: the grid then shows how far the GAP of later layers moves, and here stand the probabilities before and after. X switches the filter in hand.",
    );
  }
  /** @param {number} layer @param {number} filter */
  const chip = (layer, filter) => {
    const title = `Switch ${address({ layer, filter })} on again`;
    return element(
      "button",
      {
        class: "chip",
        type: "button",
        title,
        "aria-label": title,
        onclick: () => toggleOff(layer, [filter]),
      },
      `${filter} ×`,
    );
  };
  const blocks = [...off].map(([layer, filters]) =>
    element(
      "div",
      { class: "chips", role: "group", "aria-label": `Off in ${layers()[layer].name}` },
      span("small", layers()[layer].name),
      ...filters.map((filter) => chip(layer, filter)),
    ),
  );
  return element(
    "div",
    {},
    element("h3", {}, `${plural(total, "filter")} off`),
    div("what-if-off", ...blocks),
  );
}

/** @param {number | null} p */
const written = (p) => (p === null ? "NaN" : probability(p));

/** Two probabilities, with one sign where both have it. @param {number | null} one @param {number | null} other */
function pair(one, other) {
  const [before, after] = [written(one), written(other)];
  return `${after.endsWith(" %") ? before.replace(/ %$/, "") : before} → ${after}`;
}

/** Two values. @param {number | null} one @param {number | null} other */
const figures = (one, other) => `${answer(one)} → ${answer(other)}`;

function probabilities() {
  const known = ofImage();
  if (!known) return null;
  const { classes, before, after, rounded } = known.found;
  const values = shown.model?.answers === "values";
  const rows = classes.map(([index, one, other]) =>
    element(
      "div",
      { class: "what-if-row", role: "listitem" },
      element("span", { class: "bar-name", title: classOf(index) }, classOf(index)),
      values
        ? element("span", {})
        : span("what-if-bars", track(one ?? 0, "before"), track(other ?? 0, "after")),
      span("bar-value", values ? figures(one, other) : pair(one, other)),
    ),
  );
  const name = (/** @type {number | null} */ index) => (index === null ? "no answer" : classOf(index));
  const said = !namesClasses()
    ? answerOf()
    : before === after
      ? `still ${name(before)}`
      : `${name(before)} becomes ${name(after)}`;
  return element(
    "div",
    {},
    element("h3", { id: "what-if-verdict" }, `Image ${count(shown.image?.ordinal ?? 0)}: ${said}`),
    element(
      "div",
      { class: "what-if-rows", role: "list", "aria-label": "Probabilities before and after" },
      ...rows,
    ),
    rounded
      ? paragraph("small", "From the stored pixels, which are rounded: the run was given finer ones.")
      : null,
  );
}

/** @param {WhatIfRun} found */
function runText({ images, labelled, before, after, lost, won, same, damaged }) {
  const left = damaged ? ` ${plural(damaged, "damaged image")} left out.` : "";
  const agreement = `The prediction of ${count(same)} of ${plural(images, "image")} stays.${left}`;
  if (!labelled)
    return [
      `${percent(images ? same / images : null, 1)} of predictions stay`,
      `${agreement} This run has no labels.`,
    ];
  const points = (100 * (after - before)) / labelled;
  return [
    `Accuracy ${percent(before / labelled, 1)} → ${percent(after / labelled, 1)} (${figure(points, 2)} points, n = ${count(labelled)})`,
    `${count(lost)} right ones become wrong, ${count(won)} wrong ones right. ${agreement}`,
  ];
}

function overRun() {
  if (!countOff(switchedOff())) return null;
  if (!namesClasses()) {
    return paragraph("small", `${answerOf()}, so there is no accuracy to measure.`);
  }
  const known = ofRun();
  const place = element("div", { id: "what-if-run" }, element("h3", {}, "All images of the run"));
  if (known?.found) {
    const [first, second] = runText(known.found);
    place.append(paragraph("what-if-accuracy", first), paragraph("small", second));
  } else if (known?.waiting) {
    const bar = element("div", {});
    showProgress(bar, waitingText(known.waiting), shareDone(known.waiting), "All images of the run");
    place.append(bar, button("Cancel", "what-if-cancel", cancelOverRun));
  } else {
    const words = shown.run?.labelled ? "Measure the accuracy" : "Measure how many predictions stay";
    if (known?.message) place.append(element("p", { class: "what-if-failed", role: "alert" }, known.message));
    place.append(
      button(
        words,
        "what-if-measure",
        askOverRun,
        `Over ${count(shown.run?.stored ?? 0)} images, without these filters`,
      ),
    );
  }
  return place;
}

function status() {
  const failed = failure();
  const { waiting } = whatIf;
  const node = element("div", { class: "what-if-status", role: "status" });
  if (failed)
    node.append(span("what-if-failed", failed.message), button("Try again", "what-if-again", tryAgain));
  else if (waiting && !ofImage()) node.append(waitingText(waiting));
  return node;
}

/** Draw the panel anew, and leave the focus where it is. */
export function drawWhatIf() {
  const place = byId(ids.WHAT_IF);
  place.hidden = !whatIf.open;
  byId(ids.WHAT_IF_BUTTON).setAttribute("aria-expanded", String(whatIf.open));
  if (!whatIf.open || !shown.model) return;
  const here = document.activeElement;
  const focused =
    here && place.contains(here) ? here.id || (here instanceof HTMLInputElement ? here.value : "") : null;
  place.replaceChildren(head(), status(), div("what-if-body", chips(), probabilities(), overRun()));
  if (focused === null) return;
  /** @type {HTMLElement | null} */
  const again = focused
    ? place.querySelector(`#${CSS.escape(focused)}, input[value="${CSS.escape(focused)}"]`)
    : null;
  (again ?? /** @type {HTMLElement | null} */ (place.querySelector("button")))?.focus();
}

/** @param {HTMLElement} place @param {number | null} layer the one in hand */
export function drawDifferenceLegend(place, layer) {
  const spans = ofImage()?.found.spans;
  const most = layer !== null && spans ? number(spans[layer]) : null;
  const title = layer === null ? "GAP moved, each layer's scale" : `GAP moved, ${layers()[layer].name}`;
  const ends = most ? [`−${most}`, `+${most}`] : ["smaller", "larger"];
  legend(place, layer === null ? "GAP moved, each layer's scale" : title, ends, diverging().gradient, null);
}
