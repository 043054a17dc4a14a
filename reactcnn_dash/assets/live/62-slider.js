/* The slider over the whole run, with a thumbnail of the image under it while it is dragged. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const slider = (rc.slider = {});
  let input = null;
  let bubble = null;
  let dragging = false;
  let loading = false;

  function build() {
    input = rc.element("input", { type: "range", min: "0", step: "1", "aria-label": "Image of the run" });
    bubble = rc.element(
      "div",
      { class: "slider-bubble" },
      rc.element("canvas", { class: "pixelated", "aria-hidden": "true" }),
      rc.element("div", { class: "small" }),
    );
    bubble.hidden = true;
    input.addEventListener("input", drag);
    input.addEventListener("change", drop);
    // A drag that ends where it began changes nothing, so no change is told.
    for (const end of ["pointerup", "pointercancel", "blur"]) input.addEventListener(end, rest);
    rc.byId("slider").replaceChildren(input, rc.sliderMarks.node, bubble);
  }

  /** While one thumbnail is on its way no other is asked for; then the newest place is. */
  async function thumbnail() {
    if (loading || !dragging) return;
    loading = true;
    const { run, model } = rc.shown;
    const ordinal = Number(input.value);
    try {
      const pixels = await rc.fetchPixels(run, ordinal);
      rc.drawPixels(bubble.firstElementChild, pixels, model.shape, null);
    } catch (error) {
      rc.notice(`The image could not be read: ${error.message}`);
      return;
    } finally {
      loading = false;
    }
    if (ordinal !== Number(input.value)) thumbnail();
  }

  function drag() {
    dragging = true;
    const share = Number(input.value) / Math.max(1, Number(input.max));
    bubble.style.left = `${100 * share}%`;
    bubble.lastElementChild.textContent = `Image ${rc.count(Number(input.value))}`;
    bubble.hidden = false;
    thumbnail();
  }

  function rest() {
    dragging = false;
    bubble.hidden = true;
  }

  function drop() {
    rest();
    rc.poll.goTo(Number(input.value));
  }

  /** Bring the slider in line with what is on the page. */
  slider.show = function (run, image) {
    if (!input) build();
    input.max = String(Math.max(0, run.stored - 1));
    input.disabled = run.stored < 2;
    if (image && !dragging) input.value = String(image.ordinal);
    rc.sliderMarks.stretch(run.stored);
  };
})();
