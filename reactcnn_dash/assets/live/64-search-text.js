/* A search as the text that stands in the address: `label-3.wrong.unsure` (see searching.py). */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const ORDERS = ["unsure", "sure"];
  const search = (rc.search = {});

  /** A search's text → what it asks for. */
  search.read = function (text) {
    const fields = { label: null, predicted: null, from: null, to: null, wrong: false, order: "ordinal" };
    for (const part of (text || "").split(".")) {
      const [, name, number] = part.match(/^(label|predicted|from|to)-(\d+)$/) || [];
      if (name) fields[name] = Number(number);
      else if (part === "wrong") fields.wrong = true;
      else if (ORDERS.includes(part)) fields.order = part;
    }
    return fields;
  };

  /** What a search asks for → its text. */
  search.write = function (fields) {
    const numbers = ["label", "predicted", "from", "to"].filter((name) => Number.isInteger(fields[name]));
    const parts = numbers.map((name) => `${name}-${fields[name]}`);
    if (fields.wrong) parts.push("wrong");
    if (fields.order !== "ordinal") parts.push(fields.order);
    return parts.join(".") || "all";
  };

  /** The images of the open search as a subset: the same text without an order. */
  search.subset = () => search.write({ ...search.read(rc.view.search), order: "ordinal" });

  /** The search in words, for captions. */
  search.words = function (text) {
    const { label, predicted, from, to, wrong } = search.read(text);
    const classes = rc.shown.model.classes;
    const parts = [];
    if (wrong) parts.push("misclassified");
    if (label !== null) parts.push(`class ${rc.className(classes, label)}`);
    if (predicted !== null) parts.push(`predicted ${rc.className(classes, predicted)}`);
    if (from !== null || to !== null) parts.push(`images ${from ?? 0} to ${to ?? "the last"}`);
    return parts.join(", ") || "all images";
  };
})();
