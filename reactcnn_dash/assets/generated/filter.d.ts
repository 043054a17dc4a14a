/* Made by `python -m tools.generate` from reactcnn_dash/pages/filter/shapes.py; change that. */

/** A filter's values by class: a histogram a class over common edges. */
export interface ClassValues {
  images: number;
  edges: number[];
  counts: number[][];
  means: (number | null)[];
  ofClass: number[];
  selectivity: number | null;
  favourite: number | null;
}

/** A filter's weights (height, width, channels), None where they are too many; their norms. */
export interface FilterKernel {
  size: [number, number];
  channels: number;
  weights: number[][][] | null;
  spatial: number[][];
  strongest: [number, number][];
  source: string | null;
}

/** A filter's GAP over ``images`` images that are finite; without any the numbers are None. ``deviation`` is the standard deviation (n − 1), None below two images; ``constant``: the value never changes; ``dead``: that value is 0. */
export interface FilterState {
  images: number;
  mean: number | null;
  deviation: number | null;
  low: number | null;
  high: number | null;
  constant: boolean;
  dead: boolean;
}

/** Another filter of the layer: r and its 95 % interval. */
export interface Neighbour {
  filter: number;
  r: number;
  low: number;
  high: number;
}

/** A filter across checkpoints; ``epochs``: every run has one. */
export interface History {
  experiment: string | null;
  epochs: boolean;
  runs: PastRun[];
}

/** A filter in one run of its history. */
export interface PastRun extends FilterState {
  id: number;
  name: string;
  epoch: number | null;
  selectivity: number | null;
  accuracy: number | null;
  error: number | null;
}

/** The run of a filter; ``renewedAt``: how many images it will have when it is read again. */
export interface FilterRun {
  id: number;
  uuid: string;
  name: string;
  model: string;
  epoch: number | null;
  stored: number;
  renewedAt: number | null;
  labelled: number;
  classes: string[];
  answers: string;
  shape: [number, number, number];
}

/** The filters nearest to one by r, and those most opposite to it. ``values``: its own GAP first, then those of its neighbours, on the same images. */
export interface Neighbours {
  nearest: Neighbour[];
  opposite: Neighbour[];
  values: ((number | null)[])[];
}

/** A filter but for its images, clusters and history. ``field``: what part of the image the cells of its map see. */
export interface FilterFacts extends Neighbours {
  run: FilterRun;
  layers: [string, number][];
  layer: number;
  filter: number;
  map: [number, number];
  field: number[][] | "whole" | null;
  state: FilterState;
  classes: ClassValues;
  kernel: FilterKernel | null;
}

/** How far a run is. */
export interface RunNow {
  stored: number;
  collecting: boolean;
}

/** The images that drive a filter most: ordinal, GAP, class (−1: none); by class ordinals. */
export interface TopImages {
  images: number;
  overall: [number, number, number][];
  byClass: number[][];
}

/** A filter's cluster; without one (−1) there is no more to say. */
export interface FilterCluster {
  method: string;
  symbol: string;
  parameter: number;
  cluster: number;
  size?: number;
  meanR?: number | null;
  lowestR?: number | null;
  members?: number[];
}
