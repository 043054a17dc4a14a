/* Made by `python -m tools.generate` from reactcnn_dash/pages/live/shapes.py; change that. */

import type { Empty } from "./shared.d.ts";

/** The maps of an image are there now. ``stored``: they stay in the store; ``rounded``: the run was given finer pixels than the store keeps. */
export interface MapsAgain {
  stored: boolean;
  rounded: boolean;
}

/** A run with some filters switched off: how many of its images are still predicted as before. Of ``images``: ``labelled``; right ``before`` and ``after``; ``lost``, right before alone; ``won``, right after alone; the ``same`` prediction. ``damaged`` ones were left out. */
export interface WhatIfRun {
  images: number;
  labelled: number;
  before: number;
  after: number;
  lost: number;
  won: number;
  same: number;
  damaged: number;
}

/** A run as the page's header tells of it. ``workers`` and ``gathered`` are of a run that several collectors share: those at work, and all images that are stored; ``stored`` are those before the first gap. ``precision`` is what its convolutions were computed in, ``rounding`` what that cost, in words; nothing in float32. */
export interface ShownRun {
  id: number;
  uuid: string;
  name: string;
  model: string;
  checkpoint: string;
  source: string;
  state: string;
  stored: number;
  total: number | null;
  labelled: number;
  correct: number;
  meanError: number | null;
  rate: number | null;
  workers: number | null;
  gathered: number | null;
  latest: number;
  precision: string;
  rounding: string;
}

/** A tapped layer; ``offset`` is where its filters begin in a GAP row. */
export interface ShownLayer {
  name: string;
  kind: string;
  filters: number;
  height: number;
  width: number;
  offset: number;
}

/** Where branches meet: the operation, and its sources as in ``Wiring``. */
export interface Merge {
  kind: string;
  of: number[];
}

/** How layers hang together: the sources of each, the merges, and what each layer costs. A source is a layer's position, or −1 − k for the merge k. ``costs`` are a layer's parameters and multiply-adds an image. */
export interface Wiring {
  taps: number[][];
  merges: Merge[];
  costs: number[][];
}

/** What the grid is drawn from; ``shape`` is height, width and channels of an image. ``answers``: what the numbers of an image's answer are, one a name in ``classes``; ``thresholds``: from which on a label is given, one a label; none for other answers. ``fields``: what part of the image the cells of a layer's maps see, by position. ``wiring`` is None where it is not known. */
export interface Model {
  classes: string[];
  answers: string;
  thresholds: number[];
  shape: [number, number, number];
  layers: ShownLayer[];
  fields: (number[][] | "whole" | null)[];
  wiring: Wiring | null;
}

/** One image's answer. ``probabilities`` are class and probability, −1 for NaN, or place and value, None for NaN; ``prediction`` is −1 where the network names no class; ``gap`` is base64 of a byte a filter, on the scale from ``low`` to ``high`` of its layer. ``hits`` is a letter for each label of ``probabilities``: h a hit, f false, m missed, - rightly not given, + given and ? not, of which nobody knows whether it is right; None for other answers. ``targets`` says what is right of each of them, None where nothing is known; ``error`` how many labels are wrong, or the mean absolute error of the values. */
export interface ShownImage {
  ordinal: number;
  label: number | null;
  prediction: number;
  name: string | null;
  finite: boolean;
  probabilities: ([number, number | null])[];
  hits: string | null;
  targets: (number | null)[] | null;
  error: number | null;
  gap: string;
  low: number[];
  high: number[];
}

/** What the page already shows, so that it is not sent again. */
export interface Seen {
  uuid?: string;
  ordinal?: number;
}

/** A look at the store; ``run`` and ``ordinal`` None for the newest. */
export interface PollRequest {
  number: number;
  run: number | null;
  ordinal: number | null;
  seen?: Seen;
  find?: "next-misclassified" | "opening";
}

/** The answer to a poll: what changed, and what there is to say. ``asked`` is the request's number; ``gone`` that the run is not there any more; ``found`` the ordinal that was looked for, or with ``beyond``, which says so, that is nearest to the one asked for. */
export interface Frame {
  asked?: number;
  run?: ShownRun;
  model?: Model;
  image?: ShownImage;
  notice?: string;
  info?: string;
  found?: number;
  beyond?: string;
  gone?: boolean;
  empty?: Empty;
}

/** Which clusters: ``asked`` is the parameter, ``subset`` a search's text. */
export interface ClustersAsked {
  run: number;
  layer: number;
  method: string;
  asked: number | null;
  subset: string | null;
}

/** Which clusters to work out; ``parameter`` None: the one that suits the layer. ``keep``: the picture on the page shows the same layer and method, and its nodes stay. */
export interface ClustersRequest extends ClustersAsked {
  parameter: number | null;
  keep: boolean;
  number: number;
}

/** The whole run's figures that stand beside those of a subset. */
export interface Beside {
  images: number;
  clusters: number;
  mean: number | null;
  subsetMean: number | null;
  agreement: number | null;
}

/** The clusters of a layer: a label a filter, −1 for one that never varies. */
export interface Clusters extends ClustersAsked {
  parameter: number;
  methodLabel: string;
  symbol: string;
  images: number;
  chosen: number;
  stored: number;
  renewedAt: number;
  filters: number;
  labels: number[];
  clusters: number;
  single: number;
  constant: number;
  dead: number;
  beside: Beside | null;
}

/** Why there are no clusters. */
export interface ClustersRefused extends ClustersAsked {
  message: string;
}

/** A row of the table of clusters. */
export interface ClusterRow {
  id: string;
  cluster: number;
  colour: string;
  size: number;
  mean: number | null;
  lowest: number | null;
  meanInterval: string | null;
  lowestInterval: string | null;
  together: number | null;
}

/** A node or an edge as Cytoscape takes it. */
export interface GraphElement {
  data: Record<string, string | number>;
  position?: Record<string, number>;
}

/** The clusters with what graph and table show; ``layout`` None: nodes stay where they are. */
export interface ClustersAnswer {
  clusters: Clusters | ClustersRefused;
  elements: GraphElement[];
  layout: Record<string, string | number | boolean> | null;
  rows: ClusterRow[];
}

/** A page of hits: ordinal, label, prediction, misclassified, confidence, error. ``place`` is that of the image that was asked about among all hits. */
export interface SearchPage {
  total: number;
  place: number | null;
  offset: number;
  hits: ([number, number | null, number, boolean | null, number | null, number | null])[];
}

/** A run's odd images: how many, and the most that are marked. ``provisional``: its last scores are still to come. */
export interface OddRun {
  working: boolean;
  provisional: boolean;
  rate: number;
  threshold: number | null;
  scored: number;
  profiled: number;
  count: number;
  odd: number[];
}

/** How much a layer stands out; ``tail``: the share of usual images as far off. */
export interface OddLayer {
  name: string;
  strangeness: number | null;
  tail: number;
}

/** A filter that neither the layer before nor its own explains. */
export interface OddFilter {
  layer: number;
  filter: number;
  deviation: number;
}

/** A filter that does not move with its cluster here. */
export interface LeftCluster {
  layer: number;
  filter: number;
  mates: number;
  found: number;
  expected: number;
  deviation: number;
}

/** One image's deviations; ``codes`` is base64 of a byte a filter. */
export interface OddImage {
  score: number | null;
  threshold: number | null;
  against: number | null;
  images: number;
  codes: string;
  layers: OddLayer[];
  suspects: OddFilter[];
  left: LeftCluster[];
}

/** The next odd image, after the last the first; None where there is none. */
export interface NextOdd {
  image: number | null;
}

/** A filter to point at: ``stimulus`` drives it with ``r`` over ``images``, None for unknown. ``mapped``: its feature map for the image is stored. */
export interface VisitFilter {
  layer: number;
  filter: number;
  stimulus: string | null;
  r: number;
  images: number;
  mapped: boolean;
}

/** A cluster of ``size`` filters with a mean r of ``mean`` over ``images``. */
export interface VisitCluster {
  layer: number;
  cluster: number;
  size: number;
  mean: number;
  images: number;
}

/** What the tour of a run shows; None where there is nothing of the kind. ``image`` is the one that it begins on; ``odd`` and ``wrong`` count images that stand out and misclassified ones. */
export interface FirstVisit {
  image: number | null;
  filter: VisitFilter | null;
  cluster: VisitCluster | null;
  odd: number;
  wrong: number;
}

/** An image with some filters switched off, beside the image as it is. ``classes`` are class and probability before and after, None for NaN; ``before`` and ``after`` the predicted class, None without one; ``codes`` is base64 of a byte a filter, how far its GAP moved on the scale ± ``spans`` of its layer; ``rounded``: the run was given finer pixels than the store keeps. */
export interface WhatIf {
  classes: ([number, number | null, number | null])[];
  before: number | null;
  after: number | null;
  codes: string;
  spans: number[];
  rounded: boolean;
}

/** Where in an image a layer speaks for a class (Grad-CAM). ``codes`` is base64 of a byte a place, the largest 255; ``nowhere``: nothing speaks for it; ``beforeSoftmax``: of the score before the last softmax, else of the probability. */
export interface ClassMap {
  height: number;
  width: number;
  codes: string;
  nowhere: boolean;
  beforeSoftmax: boolean;
}
