/* Made by `python -m tools.generate` from reactcnn_dash/pages/redundancy/shapes.py; change that. */

/** The run of a report. */
export interface ReportedRun {
  id: number;
  uuid: string;
  name: string;
  model: string;
  checkpoint: string;
  source: string;
  state: string;
}

/** A cluster with what speaks for it; pairs are 95 % intervals. */
export interface RedundantCluster {
  label: number;
  colour: string;
  filters: number[];
  keep: number;
  mean: number;
  mean95: [number, number];
  lowest: number;
  lowest95: [number, number];
  spatialR: number | null;
  spatial: (number | null)[];
  mapImages: number;
  examples: number[];
  explained: (number | null)[];
  verdict: string;
}

/** A filter that does not stay: R² by all that stay and by a few of them, on other images. */
export interface ExplainedFilter {
  filter: number;
  r2: number | null;
  by: number[];
  r2By: number | null;
  confirmed: boolean;
}

/** A layer: its figures, and its clusters of two or more filters, the tightest first. */
export interface ReportedLayer {
  name: string;
  position: number;
  height: number;
  width: number;
  filters: number;
  dead: number;
  constant: number;
  pairs90: number;
  pairs95: number;
  rank: number;
  couldGo: number;
  confirmed: number;
  clusters: RedundantCluster[];
  stay: number | null;
  explained: ExplainedFilter[];
}

/** What is redundant in a run. */
export interface RedundancyPayload {
  run: ReportedRun;
  shape: [number, number, number];
  images: number;
  mapImages: number;
  explainedImages: number;
  method: string;
  threshold: number;
  summary: string;
  layers: ReportedLayer[];
}

/** Agreement (ARI) of two samples of so many images: mean and range of the draws. */
export interface CurvePoint {
  images: number;
  agreement: number;
  low: number;
  high: number;
}

/** Whether a layer's clusters hold; ``enough``: images from which on they do. */
export interface Stability {
  verdict: string;
  stored: number;
  images: number;
  target: number;
  enough: number | null;
  bootstrap: number[];
  curve: CurvePoint[];
}
