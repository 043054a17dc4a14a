/* The open layer: which of its filters the others explain, and by which few. */
import { element, paragraph, span, tableOf } from "../base/dom.mjs";
import { count, figure, plural } from "../base/format.mjs";
import { filterPage } from "../base/links.mjs";
import { explained as withTerms } from "../base/terms.mjs";
import { LEAST_MAP_IMAGES } from "../generated/rules.mjs";

/** @import { ExplainedFilter, RedundancyPayload, ReportedLayer } from "../generated/redundancy.d.ts" */

const HEADS = [
  ["Filter", "A filter that those that stay explain best"],
  ["Verdict", "Confirmed at R² ≥ τ, on images that were not fitted"],
  ["R²", "How much of its maps all that stay explain, on images that were not fitted"],
  ["By these few", "Those that explain most of it, the strongest first, and what they explain alone"],
];

/** @param {RedundancyPayload} report @param {ReportedLayer} layer */
function words({ threshold, explainedImages }, { stay, explained, confirmed, filters }) {
  if (!explainedImages) return "No feature maps are stored: nothing is known of it.";
  if (stay === null) {
    return `The maps of ${plural(explainedImages, "image")} give no verdict; ${LEAST_MAP_IMAGES} are needed.`;
  }
  const fitted = `fitted on half of ${count(explainedImages)} images, judged on the other half`;
  const open = explained.length - confirmed;
  const rest = open
    ? ` ${plural(open, "filter")} more ${open === 1 ? "falls" : "fall"} short of it on the other half, or never ${open === 1 ? "varies" : "vary"}.`
    : "";
  return `${plural(stay, "filter")} of ${count(filters)} explain ${count(confirmed)} others at R² ≥ ${threshold}, ${fitted}.${rest}`;
}

/**
 * @param {RedundancyPayload} report
 * @param {ReportedLayer} layer
 * @param {ExplainedFilter} one
 */
function row({ run }, { name }, { filter, r2, by, r2By, confirmed }) {
  const verdict = confirmed ? "confirmed" : "candidate";
  const link = (/** @type {number} */ number) =>
    element("a", { class: "explained-filter", href: filterPage(run.id, name, number) }, String(number));
  return element(
    "tr",
    { "data-filter": filter },
    element("th", { scope: "row" }, link(filter)),
    element("td", { class: "left" }, span(`badge badge-${verdict}`, verdict)),
    element("td", {}, figure(r2, 2)),
    element(
      "td",
      { class: "left" },
      ...by.flatMap((number, i) => [i ? ", " : "", link(number)]),
      by.length ? span("interval", ` ${figure(r2By, 2)}`) : "–",
    ),
  );
}

/** The part above a layer's clusters. @param {RedundancyPayload} report @param {ReportedLayer} layer */
export function explainedParts(report, layer) {
  const rows = layer.explained.map((one) => row(report, layer, one));
  const heads = HEADS.map(([name, title], i) =>
    element("th", { scope: "col", title, class: i % 2 ? "left" : "" }, ...withTerms(name)),
  );
  const named = { class: "figures explained-table", "aria-label": "Filters that others explain" };
  const table = tableOf(named, heads, rows);
  return [
    paragraph("explained-words", ...withTerms(words(report, layer))),
    ...(rows.length
      ? [
          element(
            "details",
            { class: "explained" },
            element("summary", { class: "small" }, "Which, and by which few"),
            table,
          ),
        ]
      : []),
  ];
}
