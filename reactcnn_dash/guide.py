"""What the page says about itself: the words, the formulas and the keys."""

from __future__ import annotations

from typing import Any, Final

from dash import html

SHORTCUTS: Final = (
    ("Space", "follow live, or pause"),
    ("← →", "previous and next image"),
    ("Home End", "first and newest image"),
    ("M", "next misclassified image"),
    ("Tab, then arrows", "walk through the filters of a layer"),
    ("Enter", "pin the filter's feature map"),
    ("C", "clusters of the layer in focus"),
    ("R", "turn the cluster of the filter in focus red"),
    ("Escape", "clear the pinned filter, the red cluster, the panel"),
)

CONCEPTS: Final = (
    (
        "Filter and layer",
        "Each column is one convolution layer, each small square one of its filters. "
        "The network runs from left to right.",
    ),
    (
        "GAP",
        "The colour of a square: the spatial mean of what the filter answers to the current "
        "image, after normalisation and activation. More colour is a larger value. "
        "The scale spans all images of the run so far, of the layer or of the whole network.",
    ),
    (
        "Feature map",
        "Where in the image the filter answers. Point at a filter: its map appears above the "
        "layer, and the image on the left keeps its light only where the filter responds.",
    ),
    (
        "Correlation",
        "Pearson's r between the GAP values of two filters over the images of the run. "
        "It settles as more images come. A filter that never varies has none: it is constant, "
        "or dead when it is always 0.",
    ),
    (
        "Cluster",
        "Filters that a method puts together because their r is high. Louvain maximises "
        "modularity: a larger γ gives smaller, tighter clusters. Leiden-CPM keeps filters "
        "together whose r is above τ on average. Read the mean and the lowest r before you call "
        "a cluster redundant.",
    ),
)


def guide() -> list[Any]:
    """Return the body of the help dialog."""
    words: list[Any] = []
    for term, text in CONCEPTS:
        words += [html.Dt(term), html.Dd(text)]
    rows = [
        html.Tr(
            [
                html.Td([html.Kbd(key) for key in keys.split(" ")] if "," not in keys else keys),
                html.Td(what),
            ]
        )
        for keys, what in SHORTCUTS
    ]
    return [
        html.Dl(words, className="help-words"),
        html.H3("Keys", className="section"),
        html.Table(html.Tbody(rows), className="help-keys"),
    ]
