/* The images whose prediction changed: a page of thumbnails at a time. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const PAGE = 48;
  const ask = rc.asker();
  let shown = "";

  const NOTHING = {
    all: "Both runs say the same of every image in common.",
    corrected: "No image was corrected: none went from a wrong answer to the right one.",
    broken: "No image was broken: none went from the right answer to a wrong one.",
    between: "No image changed between wrong answers.",
  };

  const nothing = (kind) =>
    kind === "all" || rc.compared.found.labelled ? NOTHING[kind] : "No image has a label in both runs, so nothing tells which answers are right.";

  function kindOf([, , label, before, after]) {
    if (label >= 0 && after === label) return "corrected";
    return label >= 0 && before === label ? "broken" : "between";
  }

  const name = (index) => (index < 0 ? "no answer" : rc.className(rc.compared.found.a.classes, index));

  function tile(hit) {
    const [a, , label, before, after] = hit;
    const kind = kindOf(hit);
    const truth = label < 0 ? "" : `, it is ${name(label)}`;
    const said = `Image ${rc.count(a)}: ${name(before)} in A, ${name(after)} in B${truth}`;
    return rc.element(
      "div",
      { role: "listitem", class: "changed-item" },
      rc.element(
        "button",
        {
          class: `changed-tile ${kind}`,
          type: "button",
          "data-ordinal": a,
          "aria-label": said,
          title: said,
          onclick: () => rc.setView({ image: a }),
        },
        rc.element("canvas", { class: "pixelated", width: "1", height: "1", "aria-hidden": "true" }),
        rc.element("span", { class: "changed-before" }, name(before)),
        rc.element("span", { class: "changed-after" }, name(after)),
      ),
    );
  }

  async function paint(hits) {
    const { found } = rc.compared;
    try {
      const pictures = await rc.fetchThumbnails(found.a, hits.map(([a]) => a));
      if (found !== rc.compared.found) return;
      for (const node of rc.byId("compare-changed").querySelectorAll(".changed-tile")) {
        const picture = pictures.get(Number(node.dataset.ordinal));
        if (picture && picture.pixels) rc.drawPixels(node.firstElementChild, picture.pixels, picture.shape, null);
      }
    } catch (error) {
      rc.notice(`The thumbnails could not be read: ${error.message}`);
    }
  }

  function drawPages(said) {
    const last = Math.max(1, Math.ceil(said.total / PAGE));
    const step = (by, words, shape) =>
      rc.element(
        "button",
        {
          class: "tool",
          type: "button",
          "aria-label": words,
          title: words,
          disabled: rc.view.page + by < 1 || rc.view.page + by > last ? "" : null,
          onclick: () => rc.setView({ page: rc.view.page + by }),
        },
        rc.element("span", { class: `icon icon-${shape}`, "aria-hidden": "true" }),
      );
    const from = said.total ? said.offset + 1 : 0;
    const words = `${rc.count(from)}–${rc.count(said.offset + said.hits.length)} of ${rc.count(said.total)}`;
    rc.byId("compare-pages").replaceChildren(
      rc.element("span", { class: "counts" }, said.total ? words : "none"),
      step(-1, "Images before", "previous"),
      step(1, "Images after", "next"),
    );
  }

  function take(said) {
    drawPages(said);
    const place = rc.byId("compare-changed");
    place.scrollTop = 0;
    if (!said.total) {
      place.replaceChildren(rc.element("p", { class: "nothing" }, nothing(said.kind)));
      return;
    }
    if (!said.hits.length) {
      rc.setView({ page: 1 });
      return;
    }
    place.replaceChildren(...said.hits.map(tile));
    paint(said.hits);
  }

  /** Bring the thumbnails in line with the view. */
  rc.drawChanged = function () {
    const { found } = rc.compared;
    rc.show("compare-kind", rc.view.kind);
    const key = found ? JSON.stringify([rc.asked(), rc.view.kind, rc.view.page]) : "";
    if (!found || rc.view.tab !== "images" || key === shown) return;
    shown = key;
    ask("changed", { kind: rc.view.kind, offset: (Math.max(1, rc.view.page) - 1) * PAGE }, take);
  };

  rc.forgetChanged = function () {
    shown = "";
    rc.byId("compare-changed").replaceChildren();
    rc.byId("compare-pages").replaceChildren();
  };
})();
