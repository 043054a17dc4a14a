"""A report of two runs over the same images."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
from markupsafe import Markup

from reactcnn_dash.analysis import METHODS, REDUNDANT
from reactcnn_dash.db import DamagedBlob, StoreReader
from reactcnn_dash.pages.report.markup import (
    bar,
    figures,
    joined,
    matrix,
    page,
    picture,
    section,
    table,
)
from reactcnn_dash.pages.report.of_run import head_of
from reactcnn_dash.results.comparison.comparing import both_name_classes
from reactcnn_dash.results.comparison.in_words import (
    confident_share,
    median_same_index,
    not_finite,
)
from reactcnn_dash.results.comparison.stored import Pair, computed_comparison
from reactcnn_dash.results.confusion import Confusion, confusion
from reactcnn_dash.results.precision import told_apart
from reactcnn_dash.results.text import number_text, percent_text

if TYPE_CHECKING:
    from reactcnn_dash.results.comparison.comparing import ComparedLayer, Comparison

MOST_CHANGED: Final = 16
MOST_LAYERS: Final = 60
"""Layers up to which every layer is set against every other."""


def report_of_pair(
    url: str, a: int, b: int, method: str = REDUNDANT.key, parameter: float | None = None
) -> str:
    """Return a report of two runs as the text of an HTML file.

    Args:
        url: the store's URL.
        a: the id of the first run.
        b: the id of the second.
        method: how the filters of both are clustered.
        parameter: the method's parameter; None takes the one that suits each layer.

    Raises:
        NotComparable: no common image or no common layer.
        TooFewImages: fewer usable images in common than a correlation needs.
        StoreError: a run is not there, or the store cannot be read.
    """
    reader = StoreReader(url)
    found = computed_comparison(url, Pair(a, b, method, parameter)).found
    confused = tuple(confusion(run, reader.tally(run)) for run in (found.a, found.b))
    return page(
        f"{found.a.name} and {found.b.name} · ReactCNN",
        _head(found),
        [
            _changed(reader, found),
            _layers(found),
            *_classes(found, *confused),
        ],
        f"Made by ReactCNN on {datetime.now(UTC):%d %B %Y, %H:%M} UTC from runs {found.a.id} "
        f"({found.a.uuid}) and {found.b.id} ({found.b.uuid}).",
    )


def _head(found: Comparison) -> Markup:
    known = found.accuracy is not None and both_name_classes(found.a, found.b)
    parted = found.parting.layer or "nowhere for certain"
    notes = [
        *([f"Not in both: {', '.join(found.unmatched)}."] if found.unmatched else []),
        *(f"Not finite, and left out: {one}." for one in not_finite(found)),
        *filter(None, [told_apart(found.a, found.b)]),
    ]
    return Markup(
        '<h1>{} and {}</h1><p class="soft">A: run {}, {}</p><p class="soft">B: run {}, {}</p>{}{}'
    ).format(
        found.a.name,
        found.b.name,
        found.a.id,
        head_of(found.a),
        found.b.id,
        head_of(found.b),
        figures(
            [
                ("common", "images in common", f"{found.images:,}"),
                *_right(found),
                (
                    "changed-count",
                    "predictions changed",
                    f"{len(found.changed.a):,}" if both_name_classes(found.a, found.b) else "–",
                ),
                *(
                    (kind, kind, f"{int(which.sum()):,}" if known else "–")
                    for kind, which in (
                        ("corrected", found.changed.corrected),
                        ("broken", found.changed.broken),
                    )
                ),
                ("parting", "they part first at", parted),
            ]
        ),
        joined(Markup("<p>{}</p>").format(one) for one in notes),
    )


def _right(found: Comparison) -> list[tuple[str, str, str]]:
    """Return how right both runs are: of values, by their mean absolute errors."""
    if found.errors is not None:
        return [
            (f"error-{side.lower()}", f"mean absolute error in {side}", f"{error:.4g}")
            for side, error in zip("AB", found.errors, strict=True)
        ]
    first, second = found.accuracy if found.accuracy is not None else (None, None)
    return [
        ("accuracy-a", "right in A", percent_text(first, 2)),
        ("accuracy-b", "right in B", percent_text(second, 2)),
    ]


def _changed(reader: StoreReader, found: Comparison) -> Markup:
    """Return the images whose prediction changed: what was corrected, what was broken, others."""
    changed, names = found.changed, found.a.class_names
    title = "Predictions that changed"
    if not len(changed.a):
        return section("changed", title, "No prediction changed.")
    corrected, broken, between = (
        np.flatnonzero(which).tolist()
        for which in (changed.corrected, changed.broken, changed.between)
    )
    half = MOST_CHANGED // 2
    order = [*corrected[:half], *broken[:half], *between][:MOST_CHANGED]

    def name(number_: int) -> str:
        if number_ < 0:
            return "no answer"
        return names[number_] if number_ < len(names) else f"class {number_}"

    def answer(given: int, label: int) -> Markup:
        kind = "" if label < 0 else "right" if given == label else "wrong"
        return Markup('<span class="{}">{}</span>').format(kind, name(given))

    shown = []
    for one in order:
        ordinal, label = int(changed.a[one]), int(changed.label[one])
        try:
            drawn = picture(reader.pixels(found.a.uuid, ordinal), f"image {ordinal}")
        except DamagedBlob:
            drawn = Markup("")
        meant = Markup("") if label < 0 else Markup("<br>it is {}").format(name(label))
        shown.append(
            Markup(
                '<figure data-image="{}"><div class="pictures">{}<figcaption><strong>Image {}'
                "</strong><br>A: {}<br>B: {}{}</figcaption></div></figure>"
            ).format(
                ordinal,
                drawn,
                ordinal,
                answer(int(changed.before[one]), label),
                answer(int(changed.after[one]), label),
                meant,
            )
        )
    return section(
        "changed",
        title,
        f"{len(shown)} of the {len(changed.a):,} images to which A and B gave another answer; "
        "their numbers are those of A.",
        Markup('<div class="images two">{}</div>').format(joined(shown)),
    )


def _layers(found: Comparison) -> Markup:
    rows = [_row(layer) for layer in found.layers]
    head = (
        *("layer", "filters", "CKA", "ARI", "NMI", "dead A", "dead B", "died", "came alive"),
        *("same r", "sure matches"),
    )
    names = [layer.a.name for layer in found.layers]
    parts: list[Markup | str] = [
        f"CKA says how alike a layer answers in both, from 0 to 1, whichever way filters are "
        f"permuted; ARI and NMI how alike its clusters are ({METHODS[found.method].label}).",
        table(head, rows, "compared"),
    ]
    if len(names) <= MOST_LAYERS:
        parts += [
            f"CKA of every layer of A (row) with every layer of B (column), over "
            f"{found.cka_images:,} images.",
            matrix(
                [str(i + 1) for i in range(len(names))],
                [f"{i + 1} {name}" for i, name in enumerate(names)],
                found.cka,
                [[number_text(one) for one in row] for row in found.cka.tolist()],
                "cka",
            ),
        ]
    return section("layers", "Layers", *parts)


def _row(layer: ComparedLayer) -> list[str]:
    result = layer.result
    return [
        layer.a.name,
        f"{layer.a.filters:,}",
        number_text(result.cka, 3),
        number_text(result.clusters.ari, 3),
        number_text(result.clusters.nmi, 3),
        *(f"{count:,}" for count in result.dead),
        f"{len(result.died):,}",
        f"{len(result.came_alive):,}",
        number_text(median_same_index(result), 3),
        percent_text(confident_share(result), 0),
    ]


def _classes(found: Comparison, a: Confusion | None, b: Confusion | None) -> list[Markup]:
    if a is None or b is None or a.names != b.names:
        return []
    both = [i for i in range(len(a.names)) if a.counts[i].any() and b.counts[i].any()]

    def share(one: Confusion, number_: int) -> float:
        total, right, _ = one.of_class(number_)
        return right / total

    both.sort(key=lambda i: share(b, i) - share(a, i))
    rows = [
        [
            a.names[i],
            percent_text(share(a, i)),
            bar(share(a, i)),
            percent_text(share(b, i)),
            bar(share(b, i)),
            f"{100 * (share(b, i) - share(a, i)):+.1f}",
        ]
        for i in both
    ]
    words = (
        f"Over all labelled images of each run ({found.a.labelled:,} in A, {found.b.labelled:,} in "
        "B), what lost most first; the change is in points."
    )
    head = ("class", "right in A", "", "right in B", "", "change")
    return [section("classes", "Right by class", words, table(head, rows, "by-class"))]
