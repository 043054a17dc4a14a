/* What a page says while there is nothing to show: the command to type. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  function command(text) {
    const copy = rc.element("button", { class: "text-button", type: "button" }, "Copy");
    copy.addEventListener("click", () => rc.copy(text).then(() => (copy.textContent = "Copied")));
    return rc.element("div", { class: "command" }, rc.element("code", {}, text), copy);
  }

  /** Show an empty state in a place: {title, text, command}; null takes it away. */
  rc.showEmpty = function (place, empty, waiting) {
    place.hidden = !empty;
    const text = JSON.stringify(empty);
    if (!empty || place.dataset.shown === text) return;
    place.dataset.shown = text;
    place.replaceChildren(
      rc.element("h1", {}, empty.title),
      rc.element("p", {}, empty.text),
      empty.command ? command(empty.command) : "",
      rc.element("div", { class: "waiting" }, waiting),
    );
  };
})();
