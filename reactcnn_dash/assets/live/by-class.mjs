/* By class: what was taken for what in the run on the page, in a dialog; each number is a search. */
import { askByClass } from "../base/by-class.mjs";
import { drawRight } from "../base/by-label.mjs";
import { around, byId } from "../base/dom.mjs";
import { notice, reason } from "../base/notice.mjs";
import * as ids from "../generated/ids.mjs";
import { shown } from "./shown.mjs";
import { view } from "./view.mjs";

const dialog = () => byId(ids.BY_CLASS, HTMLDialogElement);

/** Open the dialog with the figures of the run as it is now. */
export async function openByClass() {
  const { run } = shown;
  if (!run || dialog().open) return;
  const place = byId(ids.BY_CLASS_BODY);
  place.textContent = "Counting …";
  dialog().showModal();
  try {
    const said = await askByClass(run.id, () => dialog().open && shown.run?.id === run.id);
    if (said) drawRight(place, [{ said, side: null }]);
  } catch (error) {
    dialog().close();
    notice(reason(error));
  }
}

/** A number that is clicked searches on this very page. */
export function listenToByClass() {
  byId(ids.BY_CLASS_BODY).addEventListener("click", (event) => {
    const search = around(event, "a[data-search]")?.dataset.search;
    if (!search || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    dialog().close();
    view.set({ search });
  });
}
