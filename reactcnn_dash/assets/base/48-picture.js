/* This page as a picture: its own elements and rules, drawn by the browser as an SVG image. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const SCALE = 2;

  function rules() {
    const sheets = [...document.styleSheets, ...document.adoptedStyleSheets];
    const all = sheets.flatMap((sheet) => [...sheet.cssRules].map((rule) => rule.cssText));
    return [...all, "* { scrollbar-width: none !important; }"].join("\n");
  }

  /** Nodes of a kind in the page, each with its copy. */
  const pairs = (from, to, kind) => {
    const copies = to.querySelectorAll(kind);
    return [...from.querySelectorAll(kind)].map((node, i) => [node, copies[i]]);
  };

  /** A copy of an element that looks the same outside the page. */
  function copied(element) {
    const copy = element.cloneNode(true);
    for (const [input, other] of pairs(element, copy, "input")) {
      other.setAttribute("value", input.value);
      if (input.checked) other.setAttribute("checked", "");
    }
    for (const [node, other] of pairs(element, copy, "*")) {
      // A copy stands at its beginning; what was scrolled to is moved there.
      if (!node.scrollTop && !node.scrollLeft) continue;
      for (const child of other.children) child.style.translate = `${-node.scrollLeft}px ${-node.scrollTop}px`;
    }
    for (const [canvas, other] of pairs(element, copy, "canvas")) {
      // A copy is empty: what was painted becomes its background.
      if (canvas.width && canvas.height) other.style.background = `center / contain no-repeat url("${canvas.toDataURL()}")`;
    }
    return copy;
  }

  function drawing(element, width, height) {
    const body = rc.element("body", { class: document.body.className }, copied(element));
    const svg = rc.svg(
      "svg",
      // Rules for the root and for the body hold for these.
      { ...Object.fromEntries([...document.documentElement.attributes].map(({ name, value }) => [name, value])), width, height },
      rc.svg("style", {}, rules()),
      rc.svg("foreignObject", { width: "100%", height: "100%" }, body),
    );
    // What is measured in rem goes by the size of letters at the root.
    svg.style.fontSize = window.getComputedStyle(document.documentElement).fontSize;
    return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
  }

  async function blobOf(element) {
    const { width, height } = element.getBoundingClientRect();
    const image = new Image();
    image.src = drawing(element, width, height);
    await image.decode();
    const canvas = rc.element("canvas", { width: width * SCALE, height: height * SCALE });
    const context = canvas.getContext("2d");
    context.fillStyle = window.getComputedStyle(document.body).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return rc.pngOf(canvas);
  }

  async function savePage(button) {
    button.disabled = true;
    try {
      const { pathname, search } = window.location;
      rc.save(await blobOf(rc.byId("app")), `${rc.fileName(`reactcnn${pathname}${search}`)}.png`);
    } catch (error) {
      rc.notice(`The picture could not be made: ${error.message}`);
    }
    button.disabled = false;
  }

  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("#page-picture");
    if (button) savePage(button);
  });
})();
