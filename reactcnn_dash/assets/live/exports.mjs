/* Files out of the page: the run's from the server, pictures from what is drawn. */
import { byId, div, element, paragraph } from "../base/dom.mjs";
import { download, fileName, save } from "../base/files.mjs";
import { queryOf } from "../base/links.mjs";
import { notice, reason } from "../base/notice.mjs";
import { saveReport } from "../base/report.mjs";
import * as ids from "../generated/ids.mjs";
import { graph, openClusters } from "./clusters.mjs";
import { grid } from "./grid.mjs";
import { imageWords } from "./image.mjs";
import { shown, whole } from "./shown.mjs";
import { subsetWords } from "./subset.mjs";
import { view } from "./view.mjs";

/** @import { Clusters } from "../generated/live.d.ts" */

const GRAPH_WIDTH = 800;
const LEAST_WIDTH = 450;
const MARGIN = 24;

/**
 * Fetch a file that the server makes; it may take a while, and it may be refused.
 * @param {string} path
 * @param {string} otherwise its name if the server gives none
 */
async function fetchFile(path, otherwise) {
  if (!shown.run) return;
  notice("The server prepares the file…", "info");
  try {
    await download(`/runs/${shown.run.uuid}/export/${path}`, otherwise);
    notice(null);
  } catch (error) {
    notice(`Nothing was exported: ${reason(error)}`);
  }
}

export const exportNpz = () => fetchFile("npz", "run.npz");

/** The run as one file to send. */
export const exportReport = () => shown.run && saveReport({ run: shown.run.id });

export const exportParquet = () => fetchFile("parquet", "run-parquet.zip");

/** Do something with the clusters in the panel; without any, hint at how to get them. @param {(clusters: Clusters) => unknown} action */
function withClusters(action) {
  const clusters = openClusters();
  if (clusters) action(clusters);
  else notice("Open a layer's clusters first: click its name above the grid.", "info");
}

export const exportGraphml = () =>
  withClusters(({ layer, method, parameter, subset }) =>
    fetchFile(`graphml?${queryOf({ layer, method, parameter, subset })}`, "clusters.graphml"),
  );

/**
 * Let the browser save a picture.
 * @param {() => Promise<Blob>} make
 * @param {...string} names
 */
async function savePicture(make, ...names) {
  const { run } = shown;
  if (!run || !shown.image) return;
  try {
    save(await make(), `${[String(run.id), run.name, ...names].map(fileName).join("-")}.png`);
  } catch (error) {
    notice(`The picture could not be made: ${reason(error)}`);
  }
}

/** The cluster graph, whole, with what it is of. @param {Clusters} clusters */
async function drawGraph(clusters) {
  const { drawApart } = await import("../base/picture.mjs");
  const cy = graph();
  const box = cy.elements().boundingBox();
  const width = Math.max(1, box.w);
  const scale = Math.min(4, (2 * GRAPH_WIDTH) / width, (2 * GRAPH_WIDTH) / Math.max(1, box.h));
  const bg = getComputedStyle(document.documentElement).getPropertyValue("--ground").trim();
  const across = (width * scale) / 2;
  const over = clusters.subset ? subsetWords(clusters.subset) : "the whole run";
  const picture = element("img", { src: cy.png({ full: true, scale, bg }), width: across });
  const node = div(
    "graph-picture",
    element("h2", {}, `${shown.run?.name}: clusters of ${view.now.layer}`),
    paragraph(
      "small",
      `${clusters.methodLabel}, ${clusters.symbol} = ${clusters.parameter}  ·  over ${over}  ·  ${byId(ids.CLUSTER_SUMMARY).textContent}`,
    ),
    picture,
  );
  await picture.decode();
  return drawApart(node, Math.max(across, LEAST_WIDTH) + 2 * MARGIN);
}

export const exportGraphPng = () =>
  withClusters((clusters) => savePicture(() => drawGraph(clusters), view.now.layer ?? "", "clusters"));

/** The page as a picture: all of the grid, below a line that says what it is of. */
async function drawView() {
  const { drawPage } = await import("../base/picture.mjs");
  const here = whole();
  const words = imageWords();
  if (view.now.layer !== null) words.push(`layer ${view.now.layer}`);
  if (here) words.push(`${here.run.model}, checkpoint ${here.run.checkpoint}`);
  const head = paragraph("picture-head", element("strong", {}, here?.run.name), ` ${words.join("  ·  ")}`);
  grid.fillAll();
  return drawPage({ head, whole: byId(ids.GRID) });
}

export const exportViewPng = () => savePicture(drawView, `image-${shown.image?.ordinal}`);
