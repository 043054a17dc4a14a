/* Colour scales: from a code of 0 to 254 to a colour. Deep is large, in the light and in the dark. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  const STOPS = {
    light: ["#edf1f8", "#cddcf2", "#96b8e8", "#5288d6", "#2259b3", "#0c2f74"],
    dark: ["#232a36", "#2a3c5c", "#2b5590", "#2c74cc", "#3f95f5", "#8cc4ff"],
  };
  // From "A is larger" over nought to "B is larger": the colours that A and B have on the page.
  const DIVERGING = {
    light: ["#43178a", "#7d50c8", "#bba2e6", "#eff0f5", "#95d3ca", "#22958a", "#04504a"],
    dark: ["#d3b8ff", "#9d72e6", "#4d3b7c", "#232a36", "#1f5653", "#22a395", "#86f0e2"],
  };
  const NOT_FINITE = { light: "#f0a000", dark: "#ffb52e" };
  const STEPS = 255;

  const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

  function ramp(stops) {
    const colours = stops.map(channels);
    const bytes = new Uint8Array(STEPS * 3);
    for (let i = 0; i < STEPS; i++) {
      const place = (i / (STEPS - 1)) * (colours.length - 1);
      const at = Math.min(Math.floor(place), colours.length - 2);
      for (let c = 0; c < 3; c++) {
        const from = colours[at][c];
        bytes[3 * i + c] = Math.round(from + (colours[at + 1][c] - from) * (place - at));
      }
    }
    return bytes;
  }

  function table(stops, scheme) {
    const bytes = ramp(stops[scheme]);
    const css = [];
    for (let i = 0; i < STEPS; i++) css.push(`rgb(${bytes.subarray(3 * i, 3 * i + 3).join(",")})`);
    css.push(NOT_FINITE[scheme]);
    return { bytes, css, gradient: `linear-gradient(to right, ${stops[scheme].join(", ")})` };
  }

  const both = (stops) => ({ light: table(stops, "light"), dark: table(stops, "dark") });
  const tables = both(STOPS);
  const diverging = both(DIVERGING);

  rc.scheme = () =>
    document.documentElement.getAttribute("data-mantine-color-scheme") === "dark" ? "dark" : "light";

  /** The current scheme's colours: `css[code]`, and `bytes` as RGB triples. */
  rc.colours = () => tables[rc.scheme()];

  /** The same for differences: code 127 is nought, 0 and 254 are its ends. */
  rc.diverging = () => diverging[rc.scheme()];

  /** Draw a legend: its title, what stands at its ends (and between), and what amber means. */
  rc.legend = function (node, title, ends, gradient, amber) {
    const bar = rc.element("span", { class: "legend-bar" });
    bar.style.background = gradient;
    node.replaceChildren(
      rc.element("span", { class: "legend-title" }, title),
      rc.element(
        "span",
        { class: "legend-scale" },
        rc.element("span", {}, ends[0]),
        bar,
        rc.element("span", {}, ends[1]),
      ),
      ...(amber ? [rc.element("span", { class: "legend-nan" }, amber)] : []),
    );
  };

  /** Call `changed` when the person switches between light and dark. */
  rc.onScheme = function (changed) {
    new MutationObserver(changed).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-mantine-color-scheme"],
    });
  };
})();
