/* Words that are explained where they stand (see pages/glossary.py): pointing at one, coming to it by
   keyboard or tapping it shows what it means; Escape hides that. */
import { GLOSSARY, TERMS } from "../generated/glossary.mjs";
import { EXPLANATION } from "../generated/ids.mjs";
import { around, byId, element } from "./dom.mjs";

const ANY = new RegExp(TERMS, "g");
const AWAY_MS = 250;
const EDGE = 6;

/** The term whose explanation is shown. @type {HTMLElement | null} */
let told = null;
let leaving = 0;

/** @param {string} words */
const termOf = (words) => (words in GLOSSARY ? words : words.charAt(0).toLowerCase() + words.slice(1));

/**
 * A term that is explained, in its own words or in others.
 * @param {string} words
 * @param {string} [term]
 */
export const termButton = (words, term = termOf(words)) =>
  element("button", { class: "term", type: "button", "data-term": term }, words);

/**
 * A text for a page, with each term explained where it stands first.
 * @param {string} text
 * @returns {(string | HTMLElement)[]}
 */
export function explained(text) {
  const seen = new Set();
  /** @type {(string | HTMLElement)[]} */
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(ANY)) {
    const term = termOf(found[0]);
    if (seen.has(term)) continue;
    seen.add(term);
    parts.push(text.slice(end, found.index), termButton(found[0]));
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)].filter((part) => part !== "");
}

/**
 * Write a text with its terms into a place, unless it stands there already.
 * @param {HTMLElement} place
 * @param {string} text
 */
export function setExplained(place, text) {
  if (place.textContent !== text) place.replaceChildren(...explained(text));
}

/** Words alone, for paper. @param {HTMLElement} place */
export function unexplained(place) {
  for (const term of place.querySelectorAll(".term")) term.replaceWith(term.textContent ?? "");
}

function hide() {
  told?.removeAttribute("aria-describedby");
  told = null;
  byId(EXPLANATION).hidden = true;
}

/** @param {HTMLElement} term */
function tell(term) {
  window.clearTimeout(leaving);
  const words = GLOSSARY[term.dataset.term ?? ""];
  if (!words || told === term) return;
  if (told) hide();
  told = term;
  const node = byId(EXPLANATION);
  node.textContent = words;
  node.hidden = false;
  term.setAttribute("aria-describedby", EXPLANATION);
  const at = term.getBoundingClientRect();
  const { width, height } = node.getBoundingClientRect();
  const most = document.documentElement.clientWidth - width - EDGE;
  const below = at.bottom + EDGE + height < window.innerHeight;
  node.style.left = `${Math.max(EDGE, Math.min(most, at.left))}px`;
  node.style.top = `${below ? at.bottom + EDGE : Math.max(EDGE, at.top - EDGE - height)}px`;
}

/** The pointer may go from the term onto what explains it. */
function leave() {
  window.clearTimeout(leaving);
  leaving = window.setTimeout(() => {
    if (told && told !== document.activeElement) hide();
  }, AWAY_MS);
}

const ABOUT = `.term, #${EXPLANATION}`;

export function listenToTerms() {
  document.addEventListener("pointerover", (event) => {
    const term = around(event, ".term");
    if (term) tell(term);
    else if (around(event, ABOUT)) window.clearTimeout(leaving);
    else if (told) leave();
  });
  document.addEventListener("focusin", (event) => {
    const term = around(event, ".term");
    if (term) tell(term);
    else if (told) hide();
  });
  document.addEventListener("focusout", (event) => {
    if (around(event, ".term") === told) hide();
  });
  document.addEventListener(
    "click",
    (event) => {
      const term = around(event, ".term");
      if (!term) {
        if (told && !around(event, ABOUT)) hide();
        return;
      }
      // What stands around it, a heading that sorts or a row that opens, was not meant.
      event.stopPropagation();
      event.preventDefault();
      tell(term);
    },
    true,
  );
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !told) return;
      hide();
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );
  // Where it stood is not where it stands any more.
  document.addEventListener("scroll", () => told && hide(), true);
}
