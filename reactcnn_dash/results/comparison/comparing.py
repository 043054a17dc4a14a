"""Two runs over the same images, compared from their stored rows in bounded memory."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.db import Answers
from reactcnn_dash.errors import UserError
from reactcnn_dash.results.comparison.clusters import Clusterer
from reactcnn_dash.results.comparison.finite import NotFinite, without_not_finite
from reactcnn_dash.results.comparison.outcome import outcome
from reactcnn_dash.results.comparison.stream import Pairs, Sides, fold, part, whole_moments
from reactcnn_dash.results.precision import limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer, Predictions, Run, StoreReader
    from reactcnn_dash.jobs.helping import Submits


class NotComparable(UserError):
    """Two runs cannot be compared; the text is one line that says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """The images to which the two runs gave different answers, in the order of the first run.

    Attributes:
        a: (n,) int64 ordinals in the first run.
        b: (n,) int64 ordinals of the same images in the second run.
        label: (n,) int64 right answer; −1 without one.
        before: (n,) int64 prediction of the first run; −1 for no answer.
        after: (n,) int64 prediction of the second run; −1 for no answer.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    label: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]

    @property
    def corrected(self) -> NDArray[np.bool_]:
        """Which of them, (n,), were wrong in the first run and are right in the second."""
        found: NDArray[np.bool_] = (self.label >= 0) & (self.after == self.label)
        return found

    @property
    def broken(self) -> NDArray[np.bool_]:
        """Which of them, (n,), were right in the first run and are wrong in the second."""
        found: NDArray[np.bool_] = (self.label >= 0) & (self.before == self.label)
        return found

    @property
    def between(self) -> NDArray[np.bool_]:
        """Which of them, (n,), changed between wrong answers, or without a label to tell."""
        return ~self.corrected & ~self.broken


@dataclass(frozen=True, slots=True, eq=False)
class ComparedLayer:
    """A layer that both runs have, in each, and what is alike."""

    a: Layer
    b: Layer
    result: analysis.LayerComparison


@dataclass(frozen=True, slots=True)
class Parting:
    """Where two runs part, see ``analysis.locate_fault``.

    Attributes:
        layer: name of the first layer with a filter that differs for certain; None if there is
            none.
        filters: its filters that differ most, the furthest first.
    """

    layer: str | None
    filters: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Everything that is compared of two runs.

    Attributes:
        a: the first run.
        b: the second run.
        images: images in common, recognised by their pixels.
        left_out: of those, pairs whose GAP rows are damaged in one run: not in the layers' figures.
        labelled: images in common of which both runs know what is right.
        accuracy: of the first and the second run on those, see ``Outcome``; None without any.
        errors: mean absolute error of both runs of values on those; None without any.
        confidence: mean probability of the predictions of each run over the images in common; NaN
            without any answer.
        pairs: the images in common.
        changed: those whose prediction changed.
        layers: the layers that are compared, in the order of the first run.
        unmatched: names of the layers that only one run has, or with other numbers of filters.
        not_finite: the layers in common that are NaN or infinite in a run; they are not compared.
        cka: (L, L) float64, linear CKA of each layer of the first run with each of the second. The
            diagonal is over all images, the rest over ``cka_images``.
        cka_images: images behind the rest of ``cka``: all, or a random sample of them.
        parting: where the runs part, over the images of ``cka_images``.
        method: how both runs were clustered.
        parameter: the parameter that was asked for; None: each layer's own.
    """

    a: Run
    b: Run
    images: int
    left_out: int
    labelled: int
    accuracy: tuple[float, float] | None
    errors: tuple[float, float] | None
    confidence: tuple[float, float]
    pairs: Pairs
    changed: Changed
    layers: tuple[ComparedLayer, ...]
    unmatched: tuple[str, ...]
    not_finite: tuple[NotFinite, ...]
    cka: NDArray[np.float64]
    cka_images: int
    parting: Parting
    method: str
    parameter: float | None


def compare(
    reader: StoreReader,
    a: int | str,
    b: int | str,
    method: str = analysis.REDUNDANT.key,
    parameter: float | None = None,
    *,
    helper: Submits | None = None,
) -> Comparison:
    """Compare two runs over the images that they have in common, with a report of the progress.

    Args:
        reader: the store.
        a: id, UUID or name of the first run.
        b: the same of the second.
        method: how the filters of both are clustered, over the images in common.
        parameter: the method's parameter; None takes the one that suits each layer.
        helper: clusters layers meanwhile, in another process; without one this process does all.

    Raises:
        NotComparable: no common image or no common layer, or none with finite values in both; the
            text says which.
        analysis.TooFewImages: fewer usable images in common than a correlation needs.
        StoreError: a run is not there, or the store cannot be read.
    """
    first, second = reader.run(a), reader.run(b)
    layers, unmatched = common_layers(reader, first, second)
    answers = reader.predictions(first), reader.predictions(second)
    pairs = match_images(*answers)
    if not len(pairs.a):
        raise NotComparable(
            f"Runs {first.name!r} and {second.name!r} have no image in common: "
            "collect both over the same images, at the same size."
        )
    sides, not_finite = without_not_finite(reader, Sides((first, second), layers, pairs))
    layers = tuple(sides.layers)
    if not layers:
        raise NotComparable(_nothing_finite((first, second), not_finite))
    clusterer = Clusterer(helper, method, parameter)
    moments = whole_moments(reader, sides)
    if moments is not None:
        clusterer.begin(moments)
    folded = fold(reader, sides, moments)
    if moments is None:
        clusterer.begin([(state.x, state.y) for state in folded.states])
    cka = analysis.cka_matrix(*_by_layer(folded.sample, layers))
    clusters = clusterer.finish([(state.x, state.y) for state in folded.states])
    compared = tuple(
        ComparedLayer(*both, analysis.compare_layer(state, found))
        for both, state, found in zip(layers, folded.states, clusters, strict=True)
    )
    np.fill_diagonal(cka, [layer.result.cka for layer in compared])
    in_a = _chosen(answers[0], pairs.a)
    in_b = _chosen(answers[1], pairs.b)
    known = outcome(reader, (first, second), pairs, (in_a, in_b))
    return Comparison(
        a=first,
        b=second,
        images=len(pairs.a),
        left_out=folded.left_out,
        labelled=known.labelled,
        accuracy=known.accuracy,
        errors=known.errors,
        confidence=(_confidence(in_a), _confidence(in_b)),
        pairs=pairs,
        changed=_changed(in_a, in_b, known=both_name_classes(first, second)),
        layers=compared,
        unmatched=unmatched,
        not_finite=not_finite,
        cka=cka,
        cka_images=len(folded.sample[0]),
        parting=_parting(folded.sample, layers, (first, second)),
        method=method,
        parameter=parameter,
    )


def _parting(
    sample: tuple[NDArray[np.float32], NDArray[np.float32]],
    layers: Sequence[tuple[Layer, Layer]],
    runs: tuple[Run, Run],
) -> Parting:
    if not len(sample[0]):
        return Parting(None, ())
    good, other = _by_layer(sample, layers)
    rounding = limits(runs, [here.name for here, _ in layers])
    found = analysis.locate_fault(other, good, rounding)
    if found.first is None:
        return Parting(None, ())
    limit = found.limits[found.first]
    apart = [filter_ for filter_, score in found.filters(found.first) if score > limit]
    return Parting(layers[found.first][0].name, tuple(apart))


def _nothing_finite(runs: tuple[Run, Run], found: Sequence[NotFinite]) -> str:
    names = {run.id: run.name for run in runs}
    where = "; ".join(
        f"run {one.run} ({names[one.run]}): {', '.join(one.layers[:3])}"
        + (f" and {len(one.layers) - 3} more" if len(one.layers) > 3 else "")
        for one in found
    )
    return (
        f"No layer has finite values in both runs, so nothing compares: NaN or infinite in {where}."
    )


def match_images(a: Predictions, b: Predictions) -> Pairs:
    """Pair the images of two runs by the hash of their pixels, whatever their order.

    An image that is in a run several times is paired with the other run's copies in their order:
    the k-th with the k-th, and what is left over with none.
    """
    waiting: defaultdict[str, list[int]] = defaultdict(list)
    for ordinal, digest in zip(b.ordinals[::-1].tolist(), b.hashes[::-1], strict=True):
        waiting[digest].append(ordinal)
    pairs = [
        (ordinal, waiting[digest].pop())
        for ordinal, digest in zip(a.ordinals.tolist(), a.hashes, strict=True)
        if waiting.get(digest)
    ]
    both = np.array(pairs, np.int64).reshape(-1, 2)
    return Pairs(both[:, 0], both[:, 1])


def common_layers(
    reader: StoreReader, a: Run, b: Run
) -> tuple[tuple[tuple[Layer, Layer], ...], tuple[str, ...]]:
    """Return the layers of the same name and size in both runs, and the names of the rest.

    Raises:
        NotComparable: there is no common layer.
        StoreError: a run is not there, or the store cannot be read.
    """
    in_a, in_b = reader.layers(a.id), reader.layers(b.id)
    there = {(layer.name, layer.filters): layer for layer in in_b}
    common = tuple(
        (layer, there[layer.name, layer.filters])
        for layer in in_a
        if (layer.name, layer.filters) in there
    )
    if not common:
        raise NotComparable(
            f"Runs {a.name!r} and {b.name!r} have no layer in common: none has the same name and "
            "number of filters in both."
        )
    known = {layer.name for layer, _ in common}
    names = [layer.name for layer in (*in_a, *in_b) if layer.name not in known]
    return common, tuple(dict.fromkeys(names))


def _by_layer(
    sample: tuple[NDArray[np.float32], NDArray[np.float32]], layers: Sequence[tuple[Layer, Layer]]
) -> tuple[list[NDArray[np.floating]], list[NDArray[np.floating]]]:
    return [part(sample[0], here) for here, _ in layers], [
        part(sample[1], there) for _, there in layers
    ]


def _chosen(answers: Predictions, ordinals: NDArray[np.int64]) -> Predictions:
    at = np.searchsorted(answers.ordinals, ordinals)
    return type(answers)(
        ordinals=ordinals,
        hashes=tuple(answers.hashes[position] for position in at.tolist()),
        labels=answers.labels[at],
        predictions=answers.predictions[at],
        confidence=answers.confidence[at],
    )


def _confidence(answers: Predictions) -> float:
    known = answers.confidence[np.isfinite(answers.confidence)]
    return float(known.mean()) if len(known) else float("nan")


def both_name_classes(a: Run, b: Run) -> bool:
    """Return whether two runs predict classes; otherwise no prediction changes."""
    return a.answers is b.answers is Answers.CLASSES


def _changed(a: Predictions, b: Predictions, *, known: bool) -> Changed:
    differ = (a.predictions != b.predictions) & known
    label = np.where(a.labels >= 0, a.labels, b.labels)
    return Changed(
        a=a.ordinals[differ],
        b=b.ordinals[differ],
        label=label[differ],
        before=a.predictions[differ],
        after=b.predictions[differ],
    )
