"""Two runs over the same images, compared from their stored rows in bounded memory."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash import analysis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.db import Answers, GapBlock, Layer, Run, StoreReader

BLOCK = 1024
"""Pairs of images that are read and folded at once."""
SAMPLE = 1024
"""The most images behind the layer × layer matrix; its work and memory grow with their square."""


class NotComparable(ValueError):  # noqa: N818 - named for what is wrong, like the store's errors
    """Two runs cannot be compared; the text is one line that says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The images that two runs have in common, in the order of the first run.

    Attributes:
        a: (n,) int64 ordinals in the first run, ascending.
        b: (n,) int64 ordinals of the same images in the second run.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]


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


@dataclass(frozen=True, slots=True, eq=False)
class ComparedLayer:
    """A layer that both runs have, in each, and what is alike."""

    a: Layer
    b: Layer
    result: analysis.LayerComparison


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Everything that is compared of two runs.

    Attributes:
        a: the first run.
        b: the second run.
        images: images in common, recognised by their pixels.
        left_out: of those, pairs whose GAP rows are damaged in one run: not in the layers' figures.
        labelled: images in common that have a label in both runs.
        accuracy: of the first and the second run on those; None without any.
        confidence: mean probability of the predictions of each run over the images in common; NaN
            without any answer.
        changed: the images whose prediction changed.
        layers: the layers in common, in the order of the first run.
        unmatched: names of the layers that only one run has, or with other numbers of filters.
        cka: (L, L) float64, linear CKA of each layer of the first run with each of the second. The
            diagonal is over all images, the rest over ``cka_images``.
        cka_images: images behind the rest of ``cka``: all, or a random :data:`SAMPLE` of them.
        method: how both runs were clustered.
    """

    a: Run
    b: Run
    images: int
    left_out: int
    labelled: int
    accuracy: tuple[float, float] | None
    confidence: tuple[float, float]
    changed: Changed
    layers: tuple[ComparedLayer, ...]
    unmatched: tuple[str, ...]
    cka: NDArray[np.float64]
    cka_images: int
    method: str


def compare(
    reader: StoreReader,
    a: int | str,
    b: int | str,
    method: str = analysis.DEFAULT_METHOD,
    parameter: float | None = None,
) -> Comparison:
    """Compare two runs over the images that they have in common.

    Args:
        reader: the store.
        a: id, UUID or name of the first run.
        b: the same of the second.
        method: how the filters of both are clustered, over the images in common.
        parameter: the method's parameter; None takes the one that suits each layer.

    Raises:
        NotComparable: no common image or no common layer; the text says which.
        analysis.TooFewImages: fewer usable images in common than a correlation needs.
        StoreError: a run is not there, or the store cannot be read.
    """
    first, second = reader.run(a), reader.run(b)
    layers, unmatched = _common_layers(first, second, reader)
    answers = reader.answers(first), reader.answers(second)
    pairs = match_images(*answers)
    if not len(pairs.a):
        raise NotComparable(
            f"Runs {first.name!r} and {second.name!r} have no image in common: "
            "collect both over the same images, at the same size."
        )
    states, sample, left_out = _stream(reader, (first, second), pairs, layers)
    compared = tuple(
        ComparedLayer(*sides, analysis.compare_layer(state, method, parameter))
        for sides, state in zip(layers, states, strict=True)
    )
    cka = analysis.cka_matrix(*_by_layer(sample, layers))
    np.fill_diagonal(cka, [layer.result.cka for layer in compared])
    in_a = _chosen(answers[0], pairs.a)
    in_b = _chosen(answers[1], pairs.b)
    labelled = (in_a.labels >= 0) & (in_b.labels >= 0)
    return Comparison(
        a=first,
        b=second,
        images=len(pairs.a),
        left_out=left_out,
        labelled=int(labelled.sum()),
        accuracy=(_accuracy(in_a, labelled), _accuracy(in_b, labelled)) if labelled.any() else None,
        confidence=(_confidence(in_a), _confidence(in_b)),
        changed=_changed(in_a, in_b),
        layers=compared,
        unmatched=unmatched,
        cka=cka,
        cka_images=len(sample[0]),
        method=method,
    )


def match_images(a: Answers, b: Answers) -> Pairs:
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


def _common_layers(
    a: Run, b: Run, reader: StoreReader
) -> tuple[tuple[tuple[Layer, Layer], ...], tuple[str, ...]]:
    """The layers of the same name and number of filters in both runs, and the names of the rest."""
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


def _stream(
    reader: StoreReader,
    runs: tuple[Run, Run],
    pairs: Pairs,
    layers: Sequence[tuple[Layer, Layer]],
) -> tuple[list[analysis.CrossMoments], tuple[NDArray[np.float32], NDArray[np.float32]], int]:
    """Fold all pairs, block by block; also give the rows of the sample, and how many are damaged.

    The sample is drawn with a fixed seed, so that the same two runs give the same figures.

    Raises:
        analysis.TooFewImages: every row is damaged.
    """
    count = len(pairs.a)
    folded = [analysis.CrossAccumulator(x.filters, y.filters) for x, y in layers]
    sampled = np.zeros(count, bool)
    sampled[np.random.default_rng(0).permutation(count)[:SAMPLE]] = True
    kept: tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]] = ([], [])
    left_out = 0
    for start in range(0, count, BLOCK):
        part = slice(start, start + BLOCK)
        (found_x, x), (found_y, y) = (
            _rows(reader.gap_rows_of(run.id, ordinals[part].tolist()), ordinals[part])
            for run, ordinals in zip(runs, (pairs.a, pairs.b), strict=True)
        )
        both = found_x & found_y
        left_out += int((~both).sum())
        if not both.any():
            continue
        x, y = x[both[found_x]], y[both[found_y]]
        for layer, (here, there) in zip(folded, layers, strict=True):
            layer.add(_part(x, here), _part(y, there))
        usable = sampled[part][both] & np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
        kept[0].append(x[usable])
        kept[1].append(y[usable])
    if not kept[0]:
        raise analysis.TooFewImages(0)
    states = [layer.state() for layer in folded]
    return states, (np.concatenate(kept[0]), np.concatenate(kept[1])), left_out


def _rows(
    block: GapBlock, ordinals: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Which of some ordinals a block (ascending) has, and the rows of those, in their order."""
    found = np.isin(ordinals, block.ordinals)
    return found, block.rows[np.searchsorted(block.ordinals, ordinals[found])]


def _part(rows: NDArray[np.float32], layer: Layer) -> NDArray[np.float32]:
    return rows[:, layer.offset : layer.offset + layer.filters]


def _by_layer(
    sample: tuple[NDArray[np.float32], NDArray[np.float32]], layers: Sequence[tuple[Layer, Layer]]
) -> tuple[list[NDArray[np.floating]], list[NDArray[np.floating]]]:
    return [_part(sample[0], here) for here, _ in layers], [
        _part(sample[1], there) for _, there in layers
    ]


def _chosen(answers: Answers, ordinals: NDArray[np.int64]) -> Answers:
    at = np.searchsorted(answers.ordinals, ordinals)
    return type(answers)(
        ordinals=ordinals,
        hashes=tuple(answers.hashes[position] for position in at.tolist()),
        labels=answers.labels[at],
        predictions=answers.predictions[at],
        confidence=answers.confidence[at],
    )


def _accuracy(answers: Answers, labelled: NDArray[np.bool_]) -> float:
    return float((answers.predictions == answers.labels)[labelled].mean())


def _confidence(answers: Answers) -> float:
    known = answers.confidence[np.isfinite(answers.confidence)]
    return float(known.mean()) if len(known) else float("nan")


def _changed(a: Answers, b: Answers) -> Changed:
    differ = a.predictions != b.predictions
    label = np.where(a.labels >= 0, a.labels, b.labels)
    return Changed(
        a=a.ordinals[differ],
        b=b.ordinals[differ],
        label=label[differ],
        before=a.predictions[differ],
        after=b.predictions[differ],
    )
