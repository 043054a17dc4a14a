/* The slim page: its start and its keys. */
import { boot } from "../base/boot.mjs";
import { around, byId } from "../base/dom.mjs";
import { tellLink } from "../base/notice.mjs";
import { rowOf } from "../base/rows.mjs";
import { hideTip } from "../base/tip.mjs";
import * as ids from "../generated/ids.mjs";
import { drawCurve } from "./curve.mjs";
import { drawNetworks } from "./networks.mjs";
import { drawPoint } from "./point.mjs";
import { askSlims, chooseRun, drawPage, list, openPoint, page } from "./slims.mjs";
import { CONTROLS, drawTrial, forget, onMade, watch } from "./trial.mjs";
import { view } from "./view.mjs";

/** @type {number | null} */
let run = null;

/** A network that the address asks for and the run does not have is let go of, and said. */
function honour() {
  const { point } = view.now;
  if (!page.said || point === null || openPoint()) return;
  view.settle({ point: null });
  tellLink([...view.refused, `No network ${point} was made of this run's.`]);
}

function draw() {
  honour();
  drawPage();
  drawCurve();
  drawNetworks();
  drawPoint();
  drawTrial();
}

/** @param {boolean} back */
function follow(back) {
  if (run !== list.id()) forget();
  run = list.id();
  draw();
  askSlims(draw);
  if (back) tellLink(view.refused);
}

/** Somebody made a network: it is shown at once, and opened. */
async function renew() {
  const before = new Set(page.said?.points.map((point) => point.id));
  // The newest run is another one now: those of the network that was made.
  if (view.now.run === null) view.settle({ run: list.id() });
  await list.load();
  await askSlims(draw, true);
  const added = page.said?.points.filter((point) => !before.has(point.id)).at(-1);
  if (added) view.settle({ point: added.id });
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.key !== "Escape" || around(event, "[role=dialog], [role=listbox], dialog, input")) return;
  hideTip();
  const { point } = view.now;
  if (point === null) return;
  view.set({ point: null });
  const body = byId(ids.SLIM_NETWORKS).querySelector("tbody");
  if (body) rowOf(body, String(point))?.focus();
}

async function start() {
  view.listen(follow);
  new ResizeObserver(() => drawCurve()).observe(byId(ids.SLIM_CURVE));
  onMade(renew);
  if (!(await list.begin())) return;
  follow(true);
  watch();
}

boot({
  last: ids.SLIM_END,
  start,
  onKey,
  actions: {
    slimRun: chooseRun,
    slimAgainst: (against) => view.set({ against }),
    ...CONTROLS,
  },
});
