/* Made by `python -m tools.generate` from Python (see its RULES); change that. */
export const FLOAT32 = "float32";
export const CODES = 254;
export const NOT_FINITE = 255;
export const NOUGHT = 127;
/** @type {Record<string, string[]>} */
export const ONE_SIDED = {"light": ["#edf1f8", "#cddcf2", "#96b8e8", "#5288d6", "#2259b3", "#0c2f74"], "dark": ["#232a36", "#2a3c5c", "#2b5590", "#2c74cc", "#3f95f5", "#8cc4ff"]};
/** @type {Record<string, string[]>} */
export const BOTH_WAYS = {"light": ["#4a2509", "#7f4a1f", "#ad7a4c", "#d3b08f", "#e9dac8", "#edf1f8", "#cddcf2", "#96b8e8", "#5288d6", "#2259b3", "#0c2f74"], "dark": ["#f2cfa8", "#c99a6b", "#966b41", "#6a4c32", "#43362e", "#232a36", "#2a3c5c", "#2b5590", "#2c74cc", "#3f95f5", "#8cc4ff"]};
/** @type {Record<string, string>} */
export const AMBER = {"light": "#f0a000", "dark": "#ffb52e"};
export const CODES_A_DEVIATION = 15;
export const FALSE_ALARM_RATES = /** @type {const} */ (["0.001", "0.01", "0.05"]);
export const FALSE_ALARM_RATE = "0.01";
/** @type {Record<string, Record<string, string>>} */
export const METHODS = {"louvain": {"symbol": "γ", "help": "By modularity: filters that go together more than chance lets expect; a higher resolution γ gives more and tighter clusters."}, "leiden-cpm": {"symbol": "τ", "help": "By the CPM: filters that correlate above the threshold τ on average, so that a cluster reads as redundant at τ."}};
/** @type {Record<string, number[]>} */
export const RANGES = {"louvain": [0.5, 4.0], "leiden-cpm": [0.05, 0.95]};
export const OVERVIEW = "louvain";
export const REDUNDANT = "leiden-cpm";
export const HITS_A_PAGE = 60;
export const CHANGED_A_PAGE = 48;
export const CONFIDENT_R = 0.5;
export const CONFIDENT_MARGIN = 0.05;
export const LEAST_MAP_IMAGES = 30;
export const FEW_IMAGES = 64;
export const NORMAL_95 = 1.959963984540054;
export const UNDO_SECONDS = 20;
export const SINGLETON_COLOUR = "#a3abb8";
export const CONSTANT_COLOUR = "#6b7280";
export const SCALES = /** @type {const} */ (["layer", "network"]);
export const MODES = /** @type {const} */ (["gap", "deviation"]);
export const DEVIATIONS_AGAINST = /** @type {const} */ (["run", "class"]);
export const INSTEAD = /** @type {const} */ (["zero", "mean"]);
export const SHEET_ORDERS = /** @type {const} */ (["number", "gap", "cluster"]);
export const COMPARE_TABS = /** @type {const} */ (["images", "filters", "flow", "classes"]);
export const CHANGE_KINDS = /** @type {const} */ (["all", "corrected", "broken", "between"]);
export const PAIR_SHOWN = /** @type {const} */ (["a", "b", "difference"]);
export const EPOCHS_AGAINST = /** @type {const} */ (["last", "previous", "first"]);
export const SLIM_AGAINST = /** @type {const} */ (["parameters", "multiply-adds", "speed"]);
export const SLIM_BUDGETS = /** @type {const} */ (["parameters", "multiply-adds"]);
/** @type {Record<string, string>} */
export const SLIM_METHODS = {"refit": "What explains the others", "clusters": "One of each cluster", "l1": "Largest L1 norm", "random": "By chance", "plan": "By a redundancy report"};
