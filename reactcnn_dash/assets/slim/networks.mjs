/* The table of the networks that were made, the newest first. */
import { byId, element, tableOf } from "../base/dom.mjs";
import { count, percent, share } from "../base/format.mjs";
import { markRows, walkRows } from "../base/rows.mjs";
import { explained } from "../base/terms.mjs";
import * as ids from "../generated/ids.mjs";
import { measured, methodOf, points } from "./figures.mjs";
import { page } from "./slims.mjs";
import { view } from "./view.mjs";

/** @import { Point, Slims } from "../generated/slim.d.ts" */

/** Heading, explanation and cell of each column. @type {[string, string, (point: Point) => string][]} */
const COLUMNS = [
  ["Filters stay", "How the filters that stay were chosen", (one) => methodOf(one.method).label],
  ["Parameters", "Share of the parameters that stays", (one) => share(one.parameters)],
  ["Multiply-adds", "Share of the multiply-adds that stays", (one) => share(one.multiplyAdds)],
  [
    "Images/s",
    "Images a second, and how many times the whole network's",
    ({ speed }) => (speed ? `${count(Math.round(speed[1]))} (${(speed[1] / speed[0]).toFixed(2)} ×)` : "–"),
  ],
  [
    "Accuracy",
    "Share of images that are right; without labels, that keep their class",
    (one) => {
      const found = measured(one);
      return found ? percent(found.after) : "–";
    },
  ],
  [
    "Change",
    "In points, over the same images",
    ({ accuracy, agreement }) =>
      accuracy ? points(accuracy.after - accuracy.before) : agreement ? "no labels" : "–",
  ],
];
/** @type {Slims | null} */
let drawn = null;

/** @param {readonly Point[]} all */
function table(all) {
  const rows = all
    .toReversed()
    .map((point) =>
      element(
        "tr",
        { "data-key": point.id },
        element("th", { scope: "row", title: point.path }, point.name),
        ...COLUMNS.map(([, , of], i) => element("td", { class: i ? "" : "left" }, of(point))),
      ),
    );
  const heads = COLUMNS.map(([name, title], i) =>
    element("th", { scope: "col", title, class: i ? "" : "left" }, ...explained(name)),
  );
  const first = element("th", { scope: "col" }, "Network");
  const made = tableOf({ class: "slim-table", "aria-label": "Networks" }, [first, ...heads], rows);
  walkRows(made.tBodies[0], (key) =>
    view.set({ point: Number(key) === view.now.point ? null : Number(key) }),
  );
  return made;
}

/** Bring the table in line with what is known and the view. */
export function drawNetworks() {
  const place = byId(ids.SLIM_NETWORKS);
  const { said } = page;
  place.hidden = !said?.points.length;
  if (said !== drawn) {
    drawn = said;
    place.replaceChildren(...(said?.points.length ? [table(said.points)] : []));
  }
  const body = place.querySelector("tbody");
  if (body) markRows(body, view.now.point === null ? null : String(view.now.point));
}
