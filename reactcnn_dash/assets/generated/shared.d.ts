/* Made by `python -m tools.generate` from reactcnn_dash/pages/shapes.py; change that. */

/** A page without an image: what is the matter, and what to type. */
export interface Empty {
  title: string;
  text: string;
  command: string;
}

/** The answer of a page that has nothing to show. */
export interface Nothing {
  empty: Empty;
}

/** The answer to a question that has none, in one line that says why. */
export interface Refused {
  status: "refused";
  message: string;
}

/** The answer to a question whose answer is not there yet: ask again. ``total`` is 0 until it is known; ``behind`` says that other work must end first, ``loading`` that a model is still being loaded. */
export interface Running {
  status: "running";
  done: number;
  total: number;
  behind: boolean;
  loading: boolean;
}

/** An entry of a list to pick from. */
export interface Option {
  value: string;
  label: string;
}

/** What can be picked. */
export interface Listed {
  runs: Option[];
}

/** What became of a label, in images of which it is known whether it is right. ``label`` is its number, −1 for all together; ``precision``, ``recall`` and ``f1`` are None where no image tells. */
export interface OfLabel {
  label: number;
  hits: number;
  extra: number;
  missed: number;
  precision: number | null;
  recall: number | null;
  f1: number | null;
}

/** A report: the name of its file, and the file. */
export interface Report {
  name: string;
  html: string;
}

/** What the labelled images of a run were taken for. ``why`` says in a line why nothing is known. ``counts`` has a row a class and a column a class, with one more for no answer; it is empty where there are many classes. ``worst`` are the most frequent confusions: label, answer and images. ``classes`` are those that have images: number, images, how many are right, and the ends of the share's 95 % interval. ``unanswered`` counts the run's images without an answer, labelled or not. Where images may have several labels, ``labels`` are these instead, and ``together`` all of them; of the ``labelled`` images every label is right in ``right``. */
export interface ByClass {
  run: number;
  names: string[];
  why: string | null;
  counts: number[][];
  worst: [number, number, number][];
  classes: [number, number, number, number, number][];
  unanswered: number;
  labels: OfLabel[];
  together: OfLabel;
  labelled: number;
  right: number;
}
