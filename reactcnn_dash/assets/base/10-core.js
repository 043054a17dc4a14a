/* Shared ground of every page's scripts: the namespace and small DOM helpers. */
(function () {
  "use strict";

  const rc = (window.reactcnn = {});

  rc.byId = (id) => document.getElementById(id);

  rc.setProps = (id, props) => window.dash_clientside.set_props(id, props);

  /** Make an element: attributes as an object, text or elements as children. */
  rc.element = function (tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "class") node.className = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  };

  rc.setText = function (id, text) {
    const node = rc.byId(id);
    if (node && node.textContent !== text) node.textContent = text;
  };

  rc.count = (n) => Number(n).toLocaleString("en");

  /** A GAP value or r as a person reads it. */
  rc.number = function (value) {
    if (!Number.isFinite(value)) return String(value);
    if (value === 0) return "0";
    const size = Math.abs(value);
    return size >= 1000 || size < 0.001 ? value.toExponential(1) : value.toPrecision(2 + (size >= 1));
  };

  let methods = null;

  /** The clustering methods by their keys, as analysis/methods has them. */
  rc.methods = () => (methods ||= new Map(JSON.parse(rc.byId("app").dataset.methods).map((one) => [one.key, one])));

  /** What a clustering method is, or nothing for one that there is not. */
  rc.method = (key) => rc.methods().get(key) || { symbol: "", help: "" };

  /** Show the row of the method's parameter alone. */
  rc.showParameter = function (place, method) {
    for (const row of place.querySelectorAll("[data-method]")) row.classList.toggle("chosen", row.dataset.method === method);
  };

  /** The method whose slider called a clientside function. */
  rc.methodOfSlider = (prefix) => window.dash_clientside.callback_context.triggered_id.slice(prefix.length + 1);

  let noticedAt = 0;

  /** Milliseconds since the last message was shown. */
  rc.noticeAge = () => Date.now() - noticedAt;

  /** Show a message at the head of the page; null takes it away. */
  rc.notice = function (text, kind) {
    const node = rc.byId("notice");
    if (!node) return;
    noticedAt = Date.now();
    node.hidden = !text;
    node.dataset.kind = kind || "error";
    if (node.textContent !== (text || "")) node.textContent = text || "";
  };

  /** Copy text; the old way is needed on plain-http addresses other than this machine. */
  rc.copy = async function (text) {
    if (navigator.clipboard && window.isSecureContext) {
      await navigator.clipboard.writeText(text);
      return;
    }
    const area = rc.element("textarea", { class: "off-screen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
})();
