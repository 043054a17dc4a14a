/* The head: how the two runs compare as a whole. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  function shift([a, b], text, better) {
    const known = a !== null && b !== null;
    const kind = !known || a === b ? "" : b > a === better ? " better" : " worse";
    const difference = known ? ` ${b >= a ? "+" : "−"}${(100 * Math.abs(b - a)).toFixed(2)}` : "";
    return [
      rc.element("span", { class: "value-a" }, text(a)),
      rc.element("span", { class: "arrow" }, "→"),
      rc.element("span", { class: "value-b" }, text(b)),
      known ? rc.element("span", { class: "difference" + kind }, difference) : null,
    ];
  }

  function card(name, value, more) {
    return rc.element(
      "div",
      { class: "card" },
      rc.element("span", { class: "card-name" }, name),
      rc.element("span", { class: "card-value" }, ...value),
      rc.element("span", { class: "card-more" }, more),
    );
  }

  function images(found) {
    const parts = [`A has ${rc.count(found.a.images)}, B ${rc.count(found.b.images)}`];
    if (found.leftOut) parts.push(`${rc.count(found.leftOut)} with damaged rows left out of the layers`);
    return parts.join(" · ");
  }

  function parting({ parting: { layer, filters } }) {
    if (layer === null) return "every filter answers alike";
    return `filter${filters.length > 1 ? "s" : ""} ${filters.join(", ")}`;
  }

  function alike(found, lowest) {
    const parts = lowest ? [`CKA ${rc.figure(lowest.cka)}, of ${rc.count(found.layers.length)} layers`] : [];
    if (found.notFinite.length) parts.push(`NaN or infinite: ${found.notFinite.join("; ")}`);
    if (found.unmatched.length) parts.push(`not in both: ${found.unmatched.join(", ")}`);
    return parts.join(" · ");
  }

  /** Draw the cards of a comparison. */
  rc.drawHead = function (found) {
    const place = rc.byId("compare-head");
    place.hidden = !found;
    if (!found) return;
    const { changed, layers } = found;
    const cka = layers.map((layer) => layer.cka).filter((value) => value !== null);
    const lowest = cka.length ? layers.find((layer) => layer.cka === Math.min(...cka)) : null;
    place.replaceChildren(
      card("Images in common", [rc.count(found.images)], images(found)),
      card(
        "Accuracy",
        found.accuracy ? shift(found.accuracy, (value) => rc.percent(value), true) : ["–"],
        found.accuracy ? `of ${rc.count(found.labelled)} with a label` : "no image has a label in both",
      ),
      card("Mean confidence", shift(found.confidence, (value) => rc.percent(value), true).slice(0, 4), "of the predicted class"),
      card(
        "Prediction changed",
        [rc.count(changed.all)],
        found.accuracy ? `${rc.count(changed.corrected)} to right, ${rc.count(changed.broken)} away from right` : `${rc.percent(changed.all / found.images, 1)} of the images`,
      ),
      card("Part first at", [found.parting.layer ?? "no layer"], parting(found)),
      card("Least alike", [lowest ? lowest.name : "–"], alike(found, lowest)),
    );
  };
})();
