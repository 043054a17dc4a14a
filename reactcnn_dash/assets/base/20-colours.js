/* Colour scales: from a code of 0 to 254 to a colour. Deep is large, in the light and in the dark. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  const STOPS = {
    light: ["#edf1f8", "#cddcf2", "#96b8e8", "#5288d6", "#2259b3", "#0c2f74"],
    dark: ["#232a36", "#2a3c5c", "#2b5590", "#2c74cc", "#3f95f5", "#8cc4ff"],
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

  function table(scheme) {
    const bytes = ramp(STOPS[scheme]);
    const css = [];
    for (let i = 0; i < STEPS; i++) css.push(`rgb(${bytes.subarray(3 * i, 3 * i + 3).join(",")})`);
    css.push(NOT_FINITE[scheme]);
    return { bytes, css, gradient: `linear-gradient(to right, ${STOPS[scheme].join(", ")})` };
  }

  const tables = { light: table("light"), dark: table("dark") };

  rc.scheme = () =>
    document.documentElement.getAttribute("data-mantine-color-scheme") === "dark" ? "dark" : "light";

  /** The current scheme's colours: `css[code]`, and `bytes` as RGB triples. */
  rc.colours = () => tables[rc.scheme()];

  /** Call `changed` when the person switches between light and dark. */
  rc.onScheme = function (changed) {
    new MutationObserver(changed).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-mantine-color-scheme"],
    });
  };
})();
