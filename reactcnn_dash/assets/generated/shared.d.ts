/* Made by `python -m tools.generate` from reactcnn_dash/pages/shapes.py; change that. */

/** A page with nothing to show: what is the matter, and what to type ("" for nothing). */
export interface Empty {
  title: string;
  text: string;
  command: string;
}

/** An entry of a list to pick from. */
export interface Option {
  value: string;
  label: string;
}

/** Work that is under way; ``total`` is 0 until it is known. */
export interface Running {
  status: "running";
  done: number;
  total: number;
}

/** Why there is no answer, in words for the person who asked. */
export interface Refused {
  status: "refused";
  message: string;
}
