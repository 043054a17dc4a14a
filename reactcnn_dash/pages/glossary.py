"""Words that who trains networks need not know, each explained where it stands on a page.

A term is a button with a dotted line; pointing at it, coming to it by keyboard and tapping it show
its explanation (assets/base/terms.mjs, to which ``tools/generate.py`` hands the words). The whole
of each concept, with formulas and sources, stands in README and docs.
"""

from __future__ import annotations

import re
from typing import Any, Final

from dash import html

from reactcnn_dash.pages.elements import attributes

GLOSSARY: Final[dict[str, str]] = {
    "GAP": (
        "Global average pooling: the mean of a filter's feature map over all of its places, "
        "one number an image."
    ),
    "r": (
        "Pearson's correlation: 1 when two filters rise and fall together from image to "
        "image, 0 when they have nothing to do with each other, −1 when one rises as the "
        "other falls."
    ),
    "spatial r": (
        "Pearson's correlation of two feature maps place by place: whether two filters "
        "answer at the same places, not only on the same images."
    ),
    "R²": "The share of how a filter's maps vary that other filters explain: 1 is all of it.",
    "τ": "The threshold: filters count as redundant from this correlation, or this R², on.",
    "γ": "The resolution: a larger one gives more and tighter clusters.",
    "CPM": (
        "Constant Potts model: a cluster's filters correlate above the threshold τ on "
        "average, so that it reads as redundant at τ."
    ),
    "modularity": (
        "How much more filters of a cluster correlate than chance would have it, given how "
        "much each correlates with all others."
    ),
    "ARI": "Adjusted Rand index: how far two clusterings agree. 1 is the same, 0 is chance.",
    "NMI": (
        "Normalised mutual information: how much one clustering tells of the other, from 0 "
        "to 1. Many small clusters score high by themselves."
    ),
    "CKA": (
        "Centred kernel alignment: how alike two layers answer, whichever way their filters "
        "are mixed. 1 is the same, 0 is nothing in common."
    ),
    "deviation": (
        "How rare a filter's value is among the images of the run, as a normal score: "
        "beyond ±2 lie 5 % of them, beyond ±3 0.3 %."
    ),
    "strangeness": (
        "How far a layer is from what the layer before it lets one expect, in standard "
        "deviations of usual images: 0 is usual."
    ),
    "false alarms": "The share of usual images that may be called odd all the same.",
    "effective rank": (
        "How many filters the layer's correlations are worth: a layer of copies has 1, one "
        "of unrelated filters as many as it has."
    ),
    "selectivity": (
        "How much more a filter answers to one class than to the others: 0 is alike, 1 to "
        "that class alone."
    ),
    "multiply-adds": (
        "Multiplications, each with its addition, for one image: what computing costs."
    ),
}
"""Each term with what it means, in a sentence or two."""


def _spelling(term: str) -> str:
    first = term[0]
    # A sentence may begin with it.
    start = f"[{first}{first.upper()}]" if len(term) > 2 and first.islower() else first
    return start + term[1:]


PATTERN: Final = (
    r"(?<![\w'’-])(?:"
    + "|".join(_spelling(one) for one in sorted(GLOSSARY, key=lambda one: -len(one)))
    + r")(?![\w²-])"
)
"""A regular expression for any term, in Python and in JavaScript."""


def explained(text: str) -> list[Any]:
    """Return a text for a page, with each term explained where it stands first."""
    parts: list[Any] = []
    seen: set[str] = set()
    end = 0
    for found in re.finditer(PATTERN, text):
        term = found[0] if found[0] in GLOSSARY else found[0][0].lower() + found[0][1:]
        if term in seen:
            continue
        seen.add(term)
        parts += [text[end : found.start()], _term(found[0], term)]
        end = found.end()
    return [one for one in (*parts, text[end:]) if one]


def _term(words: str, term: str) -> html.Button:
    # Dash writes no type, and a button outside of a form needs none.
    return html.Button(words, className="term", **attributes({"data-term": term}))
