"""What a first visit to a run is shown: an image, a filter and a cluster, as the store has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.analysis.stimuli import Driven, measured, most_driven
from reactcnn_dash.db import ImageFilter, RunState, StoreReader
from reactcnn_dash.results.clusters.clustering import ClusterRequest, whole_run
from reactcnn_dash.results.deviations.scores import RATE, SCORES
from reactcnn_dash.results.moments import current_moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer, Run

_SAMPLE: Final = 256
"""Images that filters are held against, at most."""
_PIXELS: Final = 2**26
"""Bytes of their pixels, at most."""
_CHUNK: Final = 16
_LOOKED_AT: Final = 12
"""Images whose feature map is looked at, so that the one that is shown has something to see."""
_WIDEST: Final = 512
"""Filters of a layer up to which its clusters are found while somebody waits."""
_UNSAVED: Final = 2048
"""Images up to which a layer's correlation is made where none is saved."""
_ALIKE: Final = 0.8
_TOGETHER: Final = 0.6
"""Mean r from which on the filters of a cluster are said to move together."""
_LEAST: Final = 3
_LAYERS: Final = 3


@dataclass(frozen=True, slots=True)
class ShownFilter:
    """A filter to point at.

    Attributes:
        layer: the position of its layer.
        filter: its number there.
        driven: what drives it; None where nothing is known of it but that it answers most of its
            layer to the image.
        mapped: whether its feature map for the image is stored.
    """

    layer: int
    filter: int
    driven: Driven | None
    mapped: bool


@dataclass(frozen=True, slots=True)
class ShownCluster:
    """A cluster of filters that move together, by what a page clusters with when it opens."""

    layer: int
    cluster: int
    size: int
    mean: float
    images: int


@dataclass(frozen=True, slots=True)
class FirstVisit:
    """What a first visit is shown; None where the run has nothing of the kind.

    Attributes:
        image: the image on which it begins.
        filter: the filter to point at.
        cluster: the cluster to look at.
        odd: how many images are known to stand out.
        wrong: how many are misclassified.
    """

    image: int | None
    filter: ShownFilter | None
    cluster: ShownCluster | None
    odd: int
    wrong: int


def opening_image(reader: StoreReader, run: Run) -> int | None:
    """Return the image of a finished run that has something to show; None where none is known to.

    It is the oddest where images are scored, else the first that is misclassified.

    Raises:
        StoreError: the store cannot be read.
    """
    if run.state in (RunState.COLLECTING, RunState.STALLED):
        return None
    scores = SCORES.find(reader, run)
    if scores is not None and len(odd := scores.odd(RATE)):
        return int(odd[np.argmax(scores.scores[odd])])
    return reader.nearest_misclassified(run.id, -1, True)


def first_visit(url: str, run_id: int) -> FirstVisit:
    """Find what a first visit to a run is shown.

    Raises:
        RunNotFound: there is no such run.
        StoreError: the store cannot be read.
    """
    reader = StoreReader(url)
    run, layers = reader.run(run_id), reader.layers(run_id)
    scores = SCORES.find(reader, run)
    odd = np.empty(0, np.int64) if scores is None else scores.odd(RATE)
    wrong = reader.matching(run.id, ImageFilter(misclassified=True))
    enough = run.stored >= analysis.FEW_IMAGES
    image, filter_ = _filter(reader, run, layers, odd, wrong, enough=enough)
    cluster = _cluster(reader, url, run, layers) if enough else None
    return FirstVisit(image, filter_, cluster, len(odd), len(wrong))


def _filter(
    reader: StoreReader,
    run: Run,
    layers: tuple[Layer, ...],
    odd: NDArray[np.int64],
    wrong: NDArray[np.int64],
    *,
    enough: bool,
) -> tuple[int | None, ShownFilter | None]:
    most = min(_SAMPLE, max(1, _PIXELS // int(np.prod(run.image_shape))))
    block = reader.gap_rows_of(run.id, analysis.sample_ordinals(run.stored, most).tolist())
    ordinals, rows = block.ordinals, block.rows
    if not len(ordinals):
        return None, None
    driven = most_driven(rows, _measured(reader, run, ordinals)) if enough else None
    with_maps = np.array(reader.images_with_maps(run.id), np.int64)
    # Who looks for odd images later is to find one that is new.
    likes = [np.isin(ordinals, with_maps), ~np.isin(ordinals, odd), np.isin(ordinals, wrong)]
    if driven is None:
        at = int(np.lexsort((-np.arange(len(ordinals)), *likes[::-1]))[-1])
        values = np.nan_to_num(rows[at, : layers[0].filters], nan=-np.inf)
        layer, number = 0, int(np.argmax(values))
    else:
        values = np.nan_to_num(rows[:, driven.filter], nan=-np.inf)
        # Among those that drive it most, so that there is something to see.
        high = values >= np.quantile(values, 0.9)
        order = np.lexsort((values, *likes[::-1], high))[::-1]
        layer = next(one.position for one in layers[::-1] if one.offset <= driven.filter)
        number = driven.filter - layers[layer].offset
        alike = np.stack([high, *likes])
        best = order[(alike[:, order] == alike[:, order[:1]]).all(axis=0)][:_LOOKED_AT].tolist()
        at = max(best, key=lambda one: _contrast(reader, run, int(ordinals[one]), layer, number))
    return int(ordinals[at]), ShownFilter(layer, number, driven, mapped=bool(likes[0][at]))


def _contrast(reader: StoreReader, run: Run, ordinal: int, layer: int, number: int) -> float:
    """Return how much a filter's map for an image varies from place to place; 0 without one."""
    maps = reader.feature_maps(run.uuid, ordinal, layer)
    found = 0.0 if maps is None else float(maps.step[number] * maps.codes[number].std())
    return found if np.isfinite(found) else 0.0


def _measured(reader: StoreReader, run: Run, ordinals: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the stimuli of some images; NaN, so that they count for nothing, without pixels."""
    found = np.zeros((len(ordinals), len(measured(np.zeros((1, 1, 1), np.uint8)))))
    for start in range(0, len(ordinals), _CHUNK):
        pixels = reader.pixels_of(run.uuid, ordinals[start : start + _CHUNK].tolist())
        for place, ordinal in enumerate(ordinals[start : start + _CHUNK].tolist(), start):
            one = pixels.get(ordinal)
            found[place] = measured(one) if one is not None and one.size else np.nan
    return found


def _cluster(
    reader: StoreReader, url: str, run: Run, layers: tuple[Layer, ...]
) -> ShownCluster | None:
    """Return the largest tight cluster of the layer in which most filters are alike."""
    alike: list[tuple[int, int]] = []
    for layer in layers:
        saved = run.stored <= _UNSAVED or reader.correlation_state(run.id, layer.position)
        if layer.filters <= _WIDEST and saved:
            moments, _ = current_moments(reader, run.id, layer)
            r = np.nan_to_num(analysis.correlation(moments).r, nan=-1.0)
            alike.append((int((r >= _ALIKE).sum(axis=1).max()), layer.position))
    ranked = sorted(alike, key=lambda one: (-one[0], one[1]))
    for most, position in ranked[:_LAYERS]:
        if most < _LEAST:
            break
        request = ClusterRequest(run.id, position, analysis.OVERVIEW.key, None)
        found = whole_run(reader, url, request)
        best = max(
            (
                (one.size, one.mean_r, one.label)
                for one in analysis.summarise(found.labels, found.correlation.r)
                if one.size >= _LEAST and one.mean_r is not None and one.mean_r >= _TOGETHER
            ),
            default=None,
        )
        if best is not None:
            size, mean, label = best
            return ShownCluster(position, label, size, mean, found.images)
    return None
