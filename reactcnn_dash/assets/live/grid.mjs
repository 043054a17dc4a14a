/* The live page's filter grid. */
import { byId } from "../base/dom.mjs";
import { Grid } from "../base/grid.mjs";
import * as ids from "../generated/ids.mjs";
import { openLayer } from "./clusters.mjs";
import { attachOdds } from "./deviation-grid.mjs";
import { attachMap } from "./feature-map.mjs";
import { attachWiring, bandOf, drawWiring, layerFacts } from "./layer-facts.mjs";
import { drawNavigator, paintNavigator } from "./navigator.mjs";
import { refresh } from "./pointer.mjs";
import { gridColours, scaleOf } from "./scale.mjs";

export const grid = new Grid({
  room: () => byId(ids.GRID),
  prefix: "cell",
  name: (layer) => ({
    title: `${layerFacts(layer).join("\n")}\nClick for its clusters and all its maps.`,
    label: `Clusters of ${layer.name}, ${layer.filters} filters`,
  }),
  choose: (index) => openLayer(index),
  scale: (index) => scaleOf(index),
  colours: (index) => gridColours(index).css,
  built: (canvas) => {
    attachMap(canvas);
    attachOdds();
    attachWiring(canvas);
  },
  band: bandOf,
  placed: () => {
    drawWiring();
    drawNavigator();
    refresh();
  },
  painted: () => paintNavigator(),
});
