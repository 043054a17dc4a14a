/* Made by `python -m tools.generate` from reactcnn_dash/pages/slim/shapes.py; change that. */

/** A share before and after, with 95 % intervals of the second and of the change. */
export interface Measured {
  before: number;
  after: number;
  after95: [number, number] | null;
  change95: [number, number] | null;
}

/** How many filters a layer has, and how many stay. */
export interface Width {
  name: string;
  before: number;
  after: number;
}

/** A slim network. ``parameters`` and ``multiplyAdds`` are shares of the whole network's that stay; ``speed`` is in images a second, before and after; ``before`` and ``after`` are the runs. ``file``: whether the model is on the server's machine. */
export interface Point {
  id: number;
  name: string;
  path: string;
  made: string;
  method: string;
  asked: string;
  fineTuned: number;
  parameters: number;
  parametersCount: number;
  multiplyAdds: number;
  multiplyAddsCount: number;
  accuracy: Measured | null;
  agreement: Measured | null;
  images: number;
  source: string;
  calibration: string;
  slimmedWith: boolean;
  speed: [number, number] | null;
  before: number | null;
  after: number | null;
  file: boolean;
  layers: Width[];
  whole: [string, string][];
  gone: number;
  explained: number | null;
}

/** The run of a whole network. */
export interface SlimRun {
  id: number;
  name: string;
}

/** What the network of a run was made of. */
export interface Origin {
  run: number | null;
  name: string;
}

/** Everything about a network's slim ones; ``origin`` if it is a slim one itself. */
export interface Slims {
  run: SlimRun;
  origin: Origin | null;
  points: Point[];
}

/** The filters that went, by the name of their layer. */
export interface Gone {
  name: string;
  layers: Record<string, number[]>;
}

/** The command that makes a slim network, and why the server cannot, if so. */
export interface Recipe {
  command: string;
  obstacle: string | null;
}

/** How far a slim network is that is made from the page. Not a ``Running``: a command goes on whoever looks, can be cancelled, and answers nothing. */
export interface Trial {
  state: "idle" | "running" | "made" | "failed" | "cancelled";
  phase: string;
  done: number;
  total: number;
  message: string;
  run: number | null;
}

/** What a budget would leave: widths and unexplained shares by budget, share and layer. ``shares`` are the budgets in per cent, ascending. */
export interface Prediction {
  names: string[];
  filters: number[];
  shares: number[];
  widths: Record<string, number[][]>;
  residuals: Record<string, number[][]>;
}
