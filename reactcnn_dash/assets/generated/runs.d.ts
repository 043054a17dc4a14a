/* Made by `python -m tools.generate` from reactcnn_dash/pages/runs/shapes.py; change that. */

import type { Empty } from "./shared.d.ts";

/** A run as JSON, see ``row_of``. */
export interface RunRow {
  id: number;
  uuid: string;
  name: string;
  model: string;
  sha256: string;
  checkpoint: string;
  experiment: string | null;
  epoch: number | null;
  source: string;
  stored: number;
  total: number | null;
  accuracy: number | null;
  error: number | null;
  state: string;
  started: string;
  ended: string | null;
  seconds: number;
  bytes: number;
  odd: number | null;
  tags: string[];
  note: string;
  authors: Record<string, string[]>;
}

/** A look at the list: version and news of the last answer; ``now``: read the store again. */
export interface RunsRequest {
  number: number;
  version: number | null;
  heard: number | null;
  now: boolean;
}

/** What became of a deletion. */
export interface News {
  text: string;
  failed: boolean;
}

/** What changed in the list; ``whole``: ``rows`` are all runs. ``asked`` is the request's number. */
export interface RunsAnswer {
  asked?: number;
  heard: number;
  news: News[];
  deleting: number[];
  version?: number;
  whole?: boolean;
  rows?: RunRow[];
  removed?: number[];
  runs?: number;
  notice?: string;
  empty?: Empty;
}

/** What a person wrote on a run. */
export interface RunEdit {
  id: number;
  number: number;
  name?: string;
  note?: string;
  tags?: string[];
}

/** What became of an edit; ``notice`` says why it may not be. */
export interface RunEdited {
  id: number;
  number?: number;
  notice?: string;
}

/** Runs to delete. */
export interface Doomed {
  number: number;
  ids: number[];
}

/** Which runs may not be deleted, and why. */
export interface Deleted {
  refused: string[];
}
