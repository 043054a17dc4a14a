"""A report of one run."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
from markupsafe import Markup

from reactcnn_dash import analysis
from reactcnn_dash.analysis import OVERVIEW, REDUNDANT, TooFewImages, TooFewRows
from reactcnn_dash.analysis.scales import (
    AMBER,
    CODES,
    NOT_FINITE,
    NOUGHT,
    channels_of,
    goes_both_ways,
)
from reactcnn_dash.db import Answers, DamagedBlob, StoreReader
from reactcnn_dash.pages.live.frames import encode_gap, gap_ranges
from reactcnn_dash.pages.palette import cluster_colours
from reactcnn_dash.pages.report.facts import chosen_images, odd_images
from reactcnn_dash.pages.report.markup import (
    NOTHING,
    bar,
    figures,
    joined,
    matrix,
    page,
    picture,
    section,
    table,
)
from reactcnn_dash.results.clusters.clustering import ClusterRequest, whole_run
from reactcnn_dash.results.confusion import MOST_CLASSES, WORST, Confusion, confusion
from reactcnn_dash.results.deviations.findings import findings
from reactcnn_dash.results.deviations.scores import PROFILE, RATE, SCORES, bring_up_to_date
from reactcnn_dash.results.label_hits import LabelHits, label_hits, together
from reactcnn_dash.results.precision import precision_text
from reactcnn_dash.results.redundancy.report import summary
from reactcnn_dash.results.redundancy.stored import computed_report
from reactcnn_dash.results.text import number_text, percent_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer, Run
    from reactcnn_dash.results.deviations.profile import RunProfile
    from reactcnn_dash.results.deviations.scores import RunScores
    from reactcnn_dash.results.redundancy.report import LayerReport, RedundancyReport

MOST_ODD: Final = 12
_TIGHTEST: Final = 3
_TALLEST: Final = 64
_COLUMNS: Final = 8
_INK: Final = (63, 127, 214)
_NEGATIVE: Final = (176, 118, 66)
_BINS: Final = 40


def report_of_run(url: str, run_id: int) -> str:
    """Return a report of a run as the text of an HTML file.

    Raises:
        RunNotFound: there is no such run.
        StoreError: the store cannot be read.
    """
    reader = StoreReader(url)
    run, layers = reader.run(run_id), reader.layers(run_id)
    answers = reader.predictions(run)
    profile, scores = _scored(url, reader, run)
    confused = confusion(run, reader.tally(run))
    drawing = Drawing(reader, run, layers)
    chosen = chosen_images(answers, scores, RATE)
    return page(
        f"{run.name} · ReactCNN",
        _head(run, layers, scores),
        [
            section(
                "images",
                "Images",
                "Some of the most confident mistakes, of the oddest images and of the usual ones, "
                "each with the answer of every filter: a column of blocks a layer, deep is large.",
                drawing.images([(one.ordinal, one.kind) for one in chosen]),
            ),
            *_confusion(confused),
            *_labels(label_hits(reader, run)),
            _clusters(url, reader, run, layers),
            _redundancy(url, run),
            _deviation(reader, drawing, profile, scores),
        ],
        f"Made by ReactCNN on {datetime.now(UTC):%d %B %Y, %H:%M} UTC from run {run.id} "
        f"({run.uuid}).",
    )


def _scored(url: str, reader: StoreReader, run: Run) -> tuple[RunProfile | None, RunScores | None]:
    """Return what is usual for a run and the scores of its images; None with too few of them."""
    try:
        known = bring_up_to_date(url, run.id)
    except TooFewRows:
        return None, None
    if known is not None:
        return known.profile, known.scores
    return PROFILE.find(reader, run), SCORES.find(reader, run)


def head_of(run: Run) -> str:
    """Return a line that says what a run is of."""
    computed = precision_text(run)
    return (
        f"{run.checkpoint.model}, weights {run.checkpoint.sha256[:12]}, from "
        f"{run.checkpoint.source}; {run.image_source}{f'; {computed}' if computed else ''}"
    )


def _head(run: Run, layers: Sequence[Layer], scores: RunScores | None) -> Markup:
    accuracy = run.correct / run.labelled if run.labelled else None
    every = ", every label" if run.answers is Answers.LABELS else ""
    right = ("accuracy", f"right of {run.labelled:,} labelled{every}", percent_text(accuracy, 2))
    if run.mean_error is not None:
        words = f"mean absolute error of {run.error_count:,} images"
        right = ("mean-error", words, f"{run.mean_error:.4g}")
    odd = None if scores is None else len(scores.odd(RATE))
    return Markup('<h1>{}</h1><p class="soft">{}</p>{}{}').format(
        run.name,
        head_of(run),
        Markup("<p>{}</p>").format(run.note) if run.note else NOTHING,
        figures(
            [
                ("stored", "images", f"{run.stored:,}"),
                right,
                ("layers", "layers", f"{len(layers):,}"),
                ("filters", "filters", f"{sum(one.filters for one in layers):,}"),
                ("parameters", "parameters", f"{run.checkpoint.parameters:,}"),
                ("odd-count", f"odd at {percent_text(RATE, 0)} false alarms", _count(odd)),
            ]
        ),
    )


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


class Drawing:
    """Draws images of a run, with the answers of its filters.

    Args:
        reader: the store.
        run: the run.
        layers: its layers.
    """

    def __init__(self, reader: StoreReader, run: Run, layers: Sequence[Layer]) -> None:
        self._reader = reader
        self.run = run
        self.layers = layers
        self._ranges = gap_ranges(run)

    def images(self, wanted: Iterable[tuple[int, str]]) -> Markup:
        """Return images side by side, each with a word on why it is there."""
        shown = [self._image(ordinal, why) for ordinal, why in wanted]
        if not shown:
            return Markup('<p class="soft">There are none.</p>')
        return Markup('<div class="images">{}</div>').format(joined(shown))

    def _image(self, ordinal: int, why: str) -> Markup:
        try:
            image = self._reader.image(self.run.id, ordinal)
            pixels = self._reader.pixels(self.run.uuid, ordinal)
            gap = self._reader.gap_row(self.run.id, ordinal)
        except DamagedBlob:
            return Markup("<figure><figcaption>Image {} is damaged.</figcaption></figure>").format(
                ordinal
            )
        codes = encode_gap(gap, self.layers, *self._ranges)
        return Markup(
            '<figure data-image="{}" data-why="{}"><div class="pictures">{}{}</div>'
            "<figcaption><strong>Image {}</strong>, {}<br>{}</figcaption></figure>"
        ).format(
            ordinal,
            why,
            picture(pixels, f"image {ordinal}"),
            picture(grid_of(codes, self.layers, self._ranges[0]), "its filters", "filters"),
            ordinal,
            why,
            self._said(image.label, image.prediction, image.probabilities),
        )

    def _said(
        self, label: int | None, prediction: int, probabilities: NDArray[np.float32]
    ) -> Markup:
        sure = float(probabilities[prediction])
        given = f"{self.name(prediction)}, {percent_text(sure)}"
        if label is None:
            return Markup("{}").format(given)
        kind = "right" if label == prediction and np.isfinite(sure) else "wrong"
        meant = NOTHING if kind == "right" else Markup("; it is {}").format(self.name(label))
        return Markup('<span class="{}">{}</span>{}').format(kind, given, meant)

    def name(self, number_: int) -> str:
        """Return the name of a class."""
        names = self.run.class_names
        return names[number_] if 0 <= number_ < len(names) else f"class {number_}"


def grid_of(
    codes: NDArray[np.uint8], layers: Sequence[Layer], low: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return the filters of all layers as a picture, a place each: (height, width, 4).

    Its colours are the same in the light and in the dark; what is deep is opaque, and what is
    negative brown, as in the live grid.
    """
    blocks: list[NDArray[np.uint8]] = []
    for layer, lowest in zip(layers, low.tolist(), strict=True):
        own = codes[layer.offset : layer.offset + layer.filters]
        columns = max(_COLUMNS, -(-layer.filters // _TALLEST))
        rows = -(-layer.filters // columns)
        block = np.zeros((rows * columns, 4), np.uint8)
        lost = own == NOT_FINITE
        deep, ink = own.astype(np.int64), np.broadcast_to(_INK, (len(own), 3))
        if goes_both_ways(lowest):
            ink = np.where((deep < NOUGHT)[:, None], _NEGATIVE, ink)
            deep = 2 * np.abs(deep - NOUGHT)
        block[: len(own), :3] = np.where(lost[:, None], channels_of(AMBER["light"]), ink)
        # The least is still told from the ground.
        block[: len(own), 3] = np.where(lost, 255, 12 + deep * 243 // CODES)
        blocks.append(block.reshape(rows, columns, 4))
    height = max((len(block) for block in blocks), default=1)
    parts = [np.pad(block, ((0, height - len(block)), (0, 1), (0, 0))) for block in blocks]
    return np.concatenate(parts, axis=1) if parts else np.zeros((1, 1, 4), np.uint8)


def _confusion(found: Confusion | None) -> list[Markup]:
    if found is None:
        return []
    return [
        section("confusion", "What was taken for what", *_confused(found)),
        section(
            "classes",
            "Right by class",
            "With the 95 % interval of Wilson's score, the classes that fare worst first.",
            class_table(found),
        ),
    ]


def _confused(found: Confusion) -> list[Markup | str]:
    unanswered = int(found.counts[:, -1].sum())
    if len(found.names) > MOST_CLASSES:
        rows = [
            [found.names[label], found.names[given], f"{count:,}"]
            for label, given, count in found.worst(WORST)
        ]
        words = f"The {len(rows)} most frequent confusions of {len(found.names)} classes."
        return [words, table(("label", "taken for", "images"), rows, "confusions")]
    counts = found.counts if unanswered else found.counts[:, :-1]
    totals = np.maximum(found.counts.sum(axis=1, keepdims=True), 1)
    head = (*found.names, *(("no answer",) if unanswered else ()))
    return [
        "Images of a label (row) that were given a class (column); deep is a large share of a row.",
        matrix(
            head,
            found.names,
            counts / totals,
            [[f"{one:,}" if one else "" for one in row] for row in counts.tolist()],
            "confusion",
        ),
    ]


def class_table(found: Confusion) -> Markup:
    """Return how many of each class are right."""
    known = [
        (name, *found.of_class(i)) for i, name in enumerate(found.names) if found.counts[i].any()
    ]
    known.sort(key=lambda one: one[2] / one[1])
    rows = [
        [
            name,
            f"{total:,}",
            f"{right:,}",
            percent_text(right / total),
            f"{percent_text(low)} – {percent_text(high)}",
            bar(right / total),
        ]
        for name, total, right, (low, high) in known
    ]
    return table(("class", "images", "right", "share", "95 %", ""), rows, "by-class")


def _labels(found: tuple[LabelHits, ...]) -> list[Markup]:
    """Return what became of each label, where images may have several."""
    if not found:
        return []
    rows = [
        [
            one.name,
            f"{one.hits + one.missed:,}",
            f"{one.hits + one.extra:,}",
            f"{one.hits:,}",
            percent_text(one.precision),
            percent_text(one.recall),
            percent_text(one.f1),
        ]
        for one in (*sorted(found, key=lambda one: one.f1 or 0.0), together(found))
    ]
    head = ("label", "right", "given", "hits", "precision", "recall", "F1")
    words = "Of images whose labels are known, those with the lowest F1 first."
    return [section("labels", "Hits by label", words, table(head, rows, "by-label"))]


def _clusters(url: str, reader: StoreReader, run: Run, layers: Sequence[Layer]) -> Markup:
    rows: list[list[str | Markup]] = []
    for layer in layers:
        request = ClusterRequest(run.id, layer.position, OVERVIEW.key, None)
        try:
            found = whole_run(reader, url, request)
        except TooFewImages as error:
            return section("clusters", "Clusters of layers", str(error))
        summaries = analysis.summarise(found.labels, found.correlation.r)
        real = [one for one in summaries if one.size > 1]
        inside = sum(one.size for one in real)
        mean = sum(one.size * (one.mean_r or 0.0) for one in real) / inside if inside else None
        sizes = sorted(real, key=lambda one: -one.size)
        colours = cluster_colours({one.label: one.size for one in real})
        rows.append(
            [
                layer.name,
                f"{layer.filters:,}",
                f"{len(real):,}",
                f"{inside:,}",
                number_text(mean),
                f"{OVERVIEW.symbol} = {found.parameter:.3g}",
                joined(
                    Markup(
                        '<i class="cluster" style="width: {}px; background: {}" '
                        'title="{} filters"></i>'
                    ).format(
                        max(2, round(240 * one.size / layer.filters)),
                        colours[one.label],
                        one.size,
                    )
                    for one in sizes
                ),
            ]
        )
    return section(
        "clusters",
        "Clusters of layers",
        f"Filters whose GAP values move together, by {OVERVIEW.label} with the "
        f"{OVERVIEW.parameter} that suits each layer; the mean r inside, weighed by size.",
        table(("layer", "filters", "clusters", "in them", "mean r", "", "sizes"), rows, "by-layer"),
    )


def _redundancy(url: str, run: Run) -> Markup:
    try:
        report = computed_report(url, run.id, REDUNDANT.default)
    except TooFewImages as error:
        return section("redundancy", "Which filters are redundant", str(error))
    rows = [
        [
            one.name,
            f"{one.row.filters:,}",
            f"{one.confirmed:,}" if one.plan is not None else "–",
            f"{one.row.could_go:,}",
            f"{one.row.dead:,}",
            f"{one.row.constant:,}",
            f"{one.row.effective_rank:.1f}",
            _tightest(one),
        ]
        for one in report.layers
    ]
    head = (
        *("layer", "filters", "confirmed", "candidates by GAP"),
        *("dead", "constant", "effective rank", "tightest clusters"),
    )
    return section(
        "redundancy",
        "Which filters are redundant",
        f"Confirmed are filters whose feature maps the others explain (R² ≥ {report.threshold:g}, "
        "on images that were not fitted); GAP values alone give candidates.",
        _verdict(report),
        summary(report),
        table(head, rows, "redundant"),
    )


def _verdict(report: RedundancyReport) -> Markup:
    known = any(one.plan is not None for one in report.layers)
    confirmed = sum(one.confirmed for one in report.layers)
    candidates = sum(one.row.could_go for one in report.layers)
    return figures(
        [
            ("confirmed", "confirmed", f"{confirmed:,}" if known else "–"),
            ("candidates", "candidates by GAP values", f"{candidates:,}"),
        ]
    )


def _tightest(layer: LayerReport) -> str:
    return "; ".join(
        f"{', '.join(str(one) for one in cluster.filters[:6])}"
        f"{' …' if len(cluster.filters) > 6 else ''} (r {cluster.mean_r:.2f})"
        for cluster in layer.clusters[:_TIGHTEST]
    )


def _deviation(
    reader: StoreReader, drawing: Drawing, profile: RunProfile | None, scores: RunScores | None
) -> Markup:
    title = "What is odd"
    if profile is None or scores is None:
        needed = analysis.MINIMUM_ROWS
        return section("deviation", title, f"Nothing is called odd of fewer than {needed} images.")
    threshold, odd = scores.threshold(RATE), odd_images(scores, RATE, MOST_ODD)
    words = {}
    for ordinal in odd:
        gap = reader.gap_row(drawing.run.id, ordinal)
        found = findings(profile, drawing.layers, ordinal, gap, usual=profile.quantiles, rate=RATE)
        words[ordinal] = f"odd by {number_text(float(scores.scores[ordinal]))}"
        if np.isfinite(found.strangeness).any():
            strangest = drawing.layers[int(np.nanargmax(found.strangeness))]
            words[ordinal] += f", most in {strangest.name}"
    told = (
        f"{len(scores.odd(RATE)):,} of {len(scores.scores):,} images score above "
        f"{number_text(threshold)}, which {percent_text(RATE, 0)} of usual images do"
        if math.isfinite(threshold)
        else f"{len(scores.scores):,} images are too few to tell what {percent_text(RATE, 0)} of "
        "usual ones do, so none is called odd"
    )
    return section(
        "deviation",
        title,
        f"{told}; what is usual was learnt from {len(profile.ordinals):,} images of the run."
        + ("" if scores.final(drawing.run) else " These scores are provisional."),
        _histogram(scores.scores, threshold),
        drawing.images(words.items()),
    )


def _histogram(scores: NDArray[np.float32], threshold: float) -> Markup:
    """Return how the scores are spread, with the threshold in it if there is one."""
    finite = scores[np.isfinite(scores)].astype(np.float64)
    if not len(finite):
        return NOTHING
    known = math.isfinite(threshold)
    ends = np.append(finite, threshold) if known else finite
    low, high = float(ends.min()), float(ends.max())
    high = high if high > low else low + 1
    counts, _ = np.histogram(finite, bins=_BINS, range=(low, high))
    tallest = max(int(counts.max()), 1)
    bars = joined(
        Markup('<rect x="{}" y="{:.1f}" width="13" height="{:.1f}"/>').format(
            14 * i, 90 - 84 * count / tallest, 84 * count / tallest
        )
        for i, count in enumerate(counts.tolist())
    )
    at = 14 * _BINS * (threshold - low) / (high - low) if known else 0.0
    line = Markup('<line x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="92"/>').format(at) if known else ""
    return Markup(
        '<svg viewBox="0 0 {0} 108" width="{0}" style="max-width: 100%" role="img" '
        'aria-label="how the scores are spread">{1}{2}<text x="0" y="105">{3}</text>'
        '<text x="{0}" y="105" text-anchor="end">{4}</text></svg>'
    ).format(14 * _BINS, bars, line, number_text(low), number_text(high))
