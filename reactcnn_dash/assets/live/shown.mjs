/* What is on the page: filled from frames, read by everybody; and how filters are addressed. */
import { className, filterAddress } from "../base/format.mjs";
import { filterPage } from "../base/links.mjs";
import { view } from "./view.mjs";

/** @import { At } from "../base/grid.mjs" */
/** @import { Model, ShownImage, ShownRun } from "../generated/live.d.ts" */

/** An image with its GAP as codes. @typedef {ShownImage & { codes: Uint8Array }} Shown */

export const shown = {
  /** @type {ShownRun | null} */
  run: null,
  /** @type {Model | null} */
  model: null,
  /** @type {Shown | null} */
  image: null,
};

/** The run, its model and the image, once all three are on the page. */
export function whole() {
  const { run, model, image } = shown;
  return run && model && image ? { run, model, image } : null;
}

/** The layers of the model on the page. */
export const layers = () => shown.model?.layers ?? [];

/** @param {string | null} name @returns {number} −1 for no such layer */
export const layerIndex = (name) => layers().findIndex((layer) => layer.name === name);

/** The position of the layer whose clusters are open; −1 for none. */
export const openIndex = () => layerIndex(view.now.layer);

/** Whether the run on the page may still grow. */
export const collecting = () => ["collecting", "stalled"].includes(shown.run?.state ?? "");

/** Whether the page follows the newest image. */
export const following = () => view.now.image === null;

/** The ordinal that the person looks at, on its way or here. */
export const lookedAt = () => view.now.image ?? shown.image?.ordinal ?? null;

/** A class by its number. @param {number} index */
export const classOf = (index) => (index < 0 ? "no answer" : className(shown.model?.classes ?? [], index));

/** Whether the network names a class of an image; nothing else has a prediction. */
export const namesClasses = () => (shown.model?.answers ?? "classes") === "classes";

/** Whether images may have several labels, and what is right of some is known. */
export const knowsLabels = () => shown.model?.answers === "labels" && Boolean(shown.run?.labelled);

/** Whether the network answers with values, and what is due of some images is known. */
export const knowsValues = () => shown.model?.answers === "values" && shown.run?.meanError !== null;

/** What an image's answer is of where it is no class: one line. */
export function answerOf() {
  const { answers = "none", classes = [] } = shown.model ?? {};
  if (answers === "labels") return `The network gives each of ${classes.length} labels by itself`;
  if (answers === "values") return "The network answers with values";
  return "The answers of the network are not stored";
}

/** A filter's text "layer:index" → its place, or null. @param {string | null} text @returns {At | null} */
export function parseFilter(text) {
  if (!text) return null;
  const at = text.lastIndexOf(":");
  const layer = layerIndex(text.slice(0, at));
  const filter = Number(text.slice(at + 1));
  if (layer < 0 || !Number.isInteger(filter) || filter < 0 || filter >= layers()[layer].filters) return null;
  return { layer, filter };
}

/** The filter of a layer nearest to one that it does not have; null without such a layer. @param {string} text @returns {At | null} */
export function nearestFilter(text) {
  const [, name, number] = /^(.*):(.*)$/.exec(text) ?? [];
  const layer = layerIndex(name ?? null);
  if (layer < 0) return null;
  const asked = Math.round(Number(number)) || 0;
  return { layer, filter: Math.max(0, Math.min(layers()[layer].filters - 1, asked)) };
}

/** The pinned filter, or null. */
export const pinned = () => parseFilter(view.now.filter);

/** @param {At} at */
export const filterText = ({ layer, filter }) => filterAddress(layers()[layer].name, filter);

/** @param {At} at */
export const address = ({ layer, filter }) => `${layers()[layer].name} · filter ${filter}`;

/** The address of a filter's page in the run on the page. @param {At} at */
export const pageOf = ({ layer, filter }) => filterPage(shown.run?.id ?? null, layers()[layer].name, filter);
