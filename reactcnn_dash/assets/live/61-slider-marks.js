/* Marks under the slider where the odd images are. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const marks = (rc.sliderMarks = {});
  const HEIGHT = 6;
  // More than these run into each other.
  const MANY = 100;
  const path = rc.svg("path", { "vector-effect": "non-scaling-stroke" });
  let drawn = null;
  let length = 0;

  marks.node = rc.svg("svg", { class: "slider-marks", preserveAspectRatio: "none", role: "img" }, path);

  /** Keep the marks at their images while the run grows. */
  marks.stretch = function (stored) {
    if (stored === length) return;
    length = stored;
    marks.node.setAttribute("viewBox", `0 0 ${Math.max(1, stored - 1)} ${HEIGHT}`);
  };

  /** Draw what is known of the run on the page. */
  marks.draw = function () {
    const known = rc.deviations.ofRun();
    if (known === drawn) return;
    drawn = known;
    const odd = known ? known.odd : [];
    path.setAttribute("d", odd.map((ordinal) => `M${ordinal} 0V${HEIGHT}`).join(""));
    marks.node.setAttribute("aria-label", known ? `${rc.count(known.count)} odd images` : "");
    marks.node.classList.toggle("many", odd.length > MANY);
    marks.node.dataset.count = String(odd.length);
  };
})();
