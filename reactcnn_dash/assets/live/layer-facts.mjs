/* What a layer is in words, and the line of dots below the grid that says what takes what. */
import { svg } from "../base/dom.mjs";
import { count, large, plural } from "../base/format.mjs";
import { BAND, branches, drawingOf, pathOf } from "../base/wiring.mjs";
import { grid } from "./grid.mjs";
import { layers, shown } from "./shown.mjs";

/** @import { ShownLayer } from "../generated/live.d.ts" */

/** Where the line of dots stands below the tallest block. */
const BELOW = 9;
const picture = svg("svg", { class: "wiring", role: "img" });

const wiring = () => shown.model?.wiring ?? null;

/** @param {number} source @returns {string} */
function sourceName(source) {
  const known = wiring();
  if (source >= 0 || !known) return layers()[source]?.name ?? "";
  const { kind, of } = known.merges[-1 - source];
  // A sum of a sum of a sum is named by what is nearest.
  const names = of.map((one) => (one >= 0 ? layers()[one].name : "what came before"));
  return `${kind} of ${names.join(", ")}`;
}

/** A layer in words, a line a fact. @param {ShownLayer} layer */
export function layerFacts(layer) {
  const index = layers().indexOf(layer);
  const known = wiring();
  const [parameters, work] = known?.costs[index] ?? [];
  const takes = known?.taps[index] ?? [];
  return [
    `${layer.name}: ${layer.kind}, ${plural(layer.filters, "filter")}`,
    `Output ${count(layer.height)} × ${count(layer.width)} × ${count(layer.filters)}`,
    ...(known ? [`${plural(parameters, "parameter")}, ${large(work)} multiply-adds an image`] : []),
    ...(takes.length ? [`Takes ${takes.map(sourceName).join(" and ")}`] : []),
  ];
}

/** The height of the line of dots; 0 for a chain, which needs none. */
export const bandOf = () => (branches(wiring()) ? BAND : 0);

/** @param {HTMLElement} canvas */
export const attachWiring = (canvas) => canvas.append(picture);

export function drawWiring() {
  const known = wiring();
  const hidden = !known || !bandOf();
  picture.toggleAttribute("hidden", hidden);
  picture.replaceChildren();
  if (!known || hidden) return;
  const geometry = grid.placed();
  const drawing = drawingOf(geometry, known);
  picture.setAttribute("width", String(geometry.width));
  picture.setAttribute("height", String(BAND));
  picture.style.transform = `translate(0px, ${geometry.foot}px)`;
  const merges = plural(drawing.merges.length, "place");
  picture.setAttribute("aria-label", `What takes what: branches meet in ${merges}`);
  picture.append(
    ...drawing.arcs.map((arc) =>
      svg("path", { class: arc.depth ? "arc skip" : "arc", d: pathOf(arc, BELOW) }),
    ),
    ...drawing.layers.map((x) => svg("circle", { class: "wiring-layer", cx: x, cy: BELOW, r: 2.5 })),
    ...drawing.merges.map(({ x, kind, sign }) =>
      svg(
        "g",
        { class: "merge", transform: `translate(${x} ${BELOW})` },
        svg("title", {}, kind),
        svg("circle", { r: 6 }),
        svg("text", { y: 3.5 }, sign),
      ),
    ),
  );
}
