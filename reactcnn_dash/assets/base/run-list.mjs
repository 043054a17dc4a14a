/* The runs of the store, to pick from. */
import { ask } from "./asker.mjs";
import { setProps } from "./dash.mjs";
import { notice, reason } from "./notice.mjs";

/** @import { Listed, Option } from "../generated/shared.d.ts" */

/**
 * Fill controls with runs; one that the address names has a place although it is not among them.
 * @param {string[]} controls ids
 * @param {Option[]} runs
 * @param {(number | null)[]} named
 */
export function fillRuns(controls, runs, named) {
  const known = new Set(runs.map(({ value }) => value));
  const more = [...new Set(named)]
    .filter((id) => id !== null && !known.has(String(id)))
    .map((id) => ({ value: String(id), label: `run ${id}` }));
  for (const id of controls) setProps(id, { data: [...runs, ...more] });
}

/**
 * The list of a page of one run.
 * @param {string} address where it is asked for
 * @param {string[]} controls ids; the first says which run it is
 * @param {{ now: { run: number | null } }} view
 */
export function runList(address, controls, view) {
  /** @type {Option[] | null} */
  let runs = null;
  const list = {
    known: () => runs !== null,
    /** The run in the view, or the newest; null without any. */
    id: () => view.now.run ?? (runs?.length ? Number(runs[0].value) : null),
    async load() {
      runs = /** @type {Listed} */ (await ask(address)).runs;
      fillRuns(controls, runs, [view.now.run]);
    },
    show() {
      const id = list.id();
      setProps(controls[0], { value: id === null ? null : String(id) });
    },
    /** Begin the page with it; false where it cannot be had, which is said. */
    async begin() {
      try {
        await list.load();
        return true;
      } catch (error) {
        notice(reason(error));
        return false;
      }
    },
  };
  return list;
}
