/* Files that the browser saves. */
(function () {
  "use strict";

  const rc = window.reactcnn;

  /** Let the browser save something as a file. */
  rc.save = function (blob, name) {
    const link = rc.element("a", { href: URL.createObjectURL(blob), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    // The browser reads the file after the click has returned.
    window.setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  };

  /** A canvas as a PNG. */
  rc.pngOf = (canvas) =>
    new Promise((done, fail) => {
      canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("it is too large"))), "image/png");
    });

  /** A text with what no file name should hold replaced. */
  rc.fileName = (text) => text.replace(/[^\p{L}\p{N}_.-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "");

  /** The name that the server gives to a file. */
  rc.sentName = function (answer, otherwise) {
    const header = answer.headers.get("Content-Disposition") || "";
    const encoded = header.match(/filename\*=UTF-8''([^;]+)/i);
    if (encoded) return decodeURIComponent(encoded[1]);
    const simple = header.match(/filename="?([^";]+)"?/i);
    return simple ? simple[1] : otherwise;
  };
})();
