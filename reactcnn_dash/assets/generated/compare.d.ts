/* Made by `python -m tools.generate` from reactcnn_dash/pages/compare/shapes.py; change that. */

import type { Option } from "./shared.d.ts";

/** What can be picked. */
export interface Listed {
  runs: Option[];
  experiments: Option[];
}

/** One of two runs; ``low`` and ``high`` are GAP over the run, by layer in common. */
export interface ComparedRun {
  id: number;
  uuid: string;
  name: string;
  images: number;
  classes: string[];
  answers: string;
  precision: string;
  shape: [number, number, number];
  low: (number | null)[];
  high: (number | null)[];
}

/** The figures of one layer in A and B. */
export interface LayerRow {
  name: string;
  kind: string;
  filters: number;
  height: number;
  width: number;
  cka: number | null;
  ari: number | null;
  nmi: number | null;
  deadA: number;
  deadB: number;
  constantA: number;
  constantB: number;
  died: number;
  alive: number;
  same: number | null;
  sure: number | null;
  parameter: number;
}

/** The layer in which the runs part first, and the filters that do. */
export interface Parting {
  layer: string | null;
  filters: number[];
}

/** Two runs compared, as far as the page shows them at first sight. ``rounding`` says what cannot be told apart where not both were computed in float32. */
export interface Compared {
  a: ComparedRun;
  b: ComparedRun;
  images: number;
  leftOut: number;
  labelled: number;
  accuracy: [number, number] | null;
  errors: [number, number] | null;
  confidence: [number | null, number | null];
  changed: Record<string, number>;
  unmatched: string[];
  notFinite: string[];
  method: string;
  parameter: number | null;
  layers: LayerRow[];
  cka: ((number | null)[])[];
  ckaImages: number;
  parting: Parting;
  rounding: string;
}

/** One layer's filters, a list a figure; −1 for no match and no cluster. */
export interface LayerFilters {
  same: (number | null)[];
  match: number[];
  r: (number | null)[];
  margin: (number | null)[];
  sure: number[];
  a: number[];
  b: number[];
  colours: Record<string, string>;
  died: number[];
  alive: number[];
  leftOut: number[];
}

/** A page of changed images. ``hits`` are ordinal in A and in B, label (−1: none), prediction in A and in B. */
export interface ChangedImages {
  kind: "all" | "corrected" | "broken" | "between";
  offset: number;
  total: number;
  kinds: ("all" | "corrected" | "broken" | "between")[];
  hits: [number, number, number, number, number][];
}

/** What a run says of an image; ``gap`` is base64 of float32, layers in common. ``error`` is how many labels are wrong, or the mean absolute error of the values. */
export interface RunAnswer {
  ordinal: number;
  label: number | null;
  prediction: number;
  name: string | null;
  error: number | null;
  probabilities: (number | null)[];
  gap: string;
}

/** Both runs' answers to one image, and its place among the changed ones of a kind. */
export interface ImagePair {
  a: RunAnswer;
  b: RunAnswer;
  place: number | null;
  total: number;
  previous: number | null;
  next: number | null;
}

/** The figures of a pair that are drawn against the epoch; lists are by layer. ``errors`` are mean absolute errors, of networks of values; ``changed`` is None where not both runs name a class. */
export interface CurvePoint {
  layers: string[];
  images: number;
  accuracy: [number, number] | null;
  errors: [number, number] | null;
  confidence: [number | null, number | null];
  changed: number | null;
  answers: [string, string];
  cka: (number | null)[];
  ari: (number | null)[];
  nmi: (number | null)[];
  same: (number | null)[];
  sure: (number | null)[];
  deadA: number[];
  deadB: number[];
  constantA: number[];
  constantB: number[];
  died: number[];
  alive: number[];
}

/** Two runs of an experiment with their figures. */
export interface KnownPair extends CurvePoint {
  a: number;
  b: number;
}

/** Why two runs of an experiment cannot be compared. */
export interface Incomparable {
  message: string;
}

/** Two runs of an experiment that are not compared yet, or why they cannot be. */
export interface OpenPair {
  a: number;
  b: number;
  message?: string;
}

/** A run of an experiment. */
export interface Epoch {
  id: number;
  name: string;
  epoch: number | null;
}

/** The figures of an experiment so far; while a pair is under way also those of ``Running``. */
export interface Experiment {
  status: "done" | "running";
  name: string;
  against: string;
  runs: Epoch[];
  pairs: (KnownPair | OpenPair)[];
  known: number;
  done?: number;
  total?: number;
  behind?: boolean;
  loading?: boolean;
}
