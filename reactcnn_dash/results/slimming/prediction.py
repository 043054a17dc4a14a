"""What a budget would leave unexplained, layer by layer: from stored maps, before anything is cut.

From how well few filters of each layer explain the rest and from what filters cost, the widths
follow for any budget. What they cost the collector has said as it counts it itself, so a share
means the same here and there. It is told at once and without the network, and so it knows less:
layers that are not watched keep all that they make, and every layer's variation counts alike,
whatever the next one makes of it.
"""

from __future__ import annotations

import dataclasses
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypedDict

import numpy as np
from threadpoolctl import threadpool_limits

from reactcnn_dash import analysis
from reactcnn_dash.db import StoreReader, inflated
from reactcnn_dash.errors import UserError
from reactcnn_dash.jobs.kept import Kept
from reactcnn_dash.jobs.worker import report_progress
from reactcnn_dash.kinds import fits, read_json
from reactcnn_dash.results.freshness import may_stand
from reactcnn_dash.results.redundancy.moments import computed_moments, moment_steps
from reactcnn_dash.results.stored import StoredKind
from reactcnn_dash.vocabulary import SLIM_BUDGETS, SLIM_SHARES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reactcnn_dash.analysis import Costs, Selection
    from reactcnn_dash.db import Layer, Run
    from reactcnn_dash.jobs.runner import Jobs, UnderWay

_LAYER_STEPS = 40


class NoPrediction(UserError):
    """The store holds too little to predict from; the text says what is missing."""


class _SaidOfLayer(TypedDict):
    """What a layer with weights costs, as ``collector.slim.costs`` says it."""

    takes: list[tuple[int, float]]
    makes: list[tuple[int, float]]
    others: tuple[float, float]
    parameters: tuple[float, float, float]
    work: tuple[float, float, float]


class _Said(TypedDict):
    """What a run's options say of costs."""

    whole: list[int]
    layers: list[_SaidOfLayer]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Widths and what they leave unexplained, for each of ``SLIM_SHARES``.

    Attributes:
        stored: images that the run had.
        images: images whose maps are behind it.
        names: of the layers.
        filters: of each layer.
        widths: by budget, then share: how many filters of each layer stay.
        residuals: likewise, the share of each layer's variation that is not explained.
    """

    stored: int
    images: int
    names: tuple[str, ...]
    filters: tuple[int, ...]
    widths: dict[str, list[list[int]]]
    residuals: dict[str, list[list[float]]]


def computed_prediction(url: str, run_id: int) -> Prediction:
    """Return what is predicted of a run's network, worked out and stored unless the store has it.

    Raises:
        NoPrediction: too few feature maps are stored, or no kernels.
        StoreError: the run is not there, or the store cannot be read.
    """
    reader = StoreReader(url)
    run = reader.run(run_id)

    def compute() -> Prediction:
        layers = reader.layers(run.id)
        steps = moment_steps(reader, run)
        total = steps + _LAYER_STEPS * len(layers)
        if steps < analysis.LEAST_IMAGES:
            raise NoPrediction(
                f"Nothing is predicted: feature maps of {steps} images are stored, and at least "
                f"{analysis.LEAST_IMAGES} are needed."
            )
        costs = {
            name: costs_of(reader, run, layers, work=name == "multiply-adds")
            for name in SLIM_BUDGETS
        }
        # The matrices are small: more threads of BLAS would only wait for each other.
        with threadpool_limits(1, "blas"):
            moments = computed_moments(url, reader, run, lambda done: report_progress(done, total))
            selections = []
            for number, halves in enumerate(moments.layers, 1):
                selections.append(analysis.explained_curve(*halves))
                report_progress(steps + _LAYER_STEPS * number, total)
        least = least_of(run, layers)
        found = {name: _along(selections, one, least) for name, one in costs.items()}
        return Prediction(
            stored=run.stored,
            images=moments.images,
            names=tuple(layer.name for layer in layers),
            filters=tuple(layer.filters for layer in layers),
            widths={name: widths for name, (widths, _) in found.items()},
            residuals={name: residuals for name, (_, residuals) in found.items()},
        )

    return PREDICTION.found_or_computed(url, reader, run, "", compute)


def costs_of(reader: StoreReader, run: Run, layers: Sequence[Layer], *, work: bool) -> Costs:
    """Return what the network costs in parameters, or in multiply-adds, by the filters that stay.

    Of a run that says it all is counted. Of others, which former versions and other frameworks
    than Keras collected, the convolutions alone are: one that receives as many channels as the one
    before makes is taken to receive those, and of the rest only the filters that they make count.

    Returns:
        The costs; behind the filters of the run there may be one more, which always stays.

    Raises:
        NoPrediction: nothing is said, and a kernel is not stored.
    """
    said = _said(run).get("layers")
    if said:
        return _costs_as_said(said, layers, "work" if work else "parameters")
    return _costs_of_convolutions(reader, run, layers, work=work)


def least_of(run: Run, layers: Sequence[Layer]) -> list[int]:
    """Return how many filters of each layer stay in any case: one, or all where none can go."""
    whole = _said(run).get("whole", ())
    return [layer.filters if layer.position in whole else 1 for layer in layers]


def _said(run: Run) -> Mapping[str, Any]:
    said: Any = run.options.get("costs")
    return said if fits(said, _Said) else {}


def _costs_as_said(said: list[Any], layers: Sequence[Layer], what: str) -> Costs:
    total = sum(layer.filters for layer in layers)
    inputs, outputs = np.zeros((2, len(said), total + 1))
    for row, one in enumerate(said):
        for counts, name, rest in zip(
            (inputs, outputs), ("takes", "makes"), one["others"], strict=True
        ):
            counts[row, -1] = rest
            for position, times in one[name]:
                if not 0 <= position < len(layers):
                    raise NoPrediction(f"Nothing is predicted: there is no layer {position}.")
                layer = layers[position]
                counts[row, layer.offset : layer.offset + layer.filters] = times
    pair, output, input_ = np.array([one[what] for one in said], np.float64).T
    return analysis.Costs(inputs, outputs, pair, output, input_)


def _costs_of_convolutions(
    reader: StoreReader, run: Run, layers: Sequence[Layer], *, work: bool
) -> Costs:
    total = sum(layer.filters for layer in layers)
    inputs, outputs = np.zeros((len(layers), total)), np.zeros((len(layers), total))
    pair, output = np.zeros(len(layers)), np.zeros(len(layers))
    before: Layer | None = None
    for i, layer in enumerate(layers):
        kernel = reader.kernel(run.id, layer.name)
        if kernel is None:
            raise NoPrediction(f"Nothing is predicted: the kernel of {layer.name} is not stored.")
        area = float(np.prod(kernel.spatial.shape[1:]))
        places = float(layer.height * layer.width) if work else 1.0
        received = kernel.channels.shape[1]
        outputs[i, layer.offset : layer.offset + layer.filters] = 1.0
        if before is not None and before.filters == received and received > 1:
            inputs[i, before.offset : before.offset + before.filters] = 1.0
            pair[i] = area * places
        else:
            output[i] = area * places * received
        if not work:
            output[i] += 1.0
        before = layer
    return analysis.Costs(inputs, outputs, pair, output, np.zeros(len(layers)))


def _along(
    selections: Sequence[Selection], costs: Costs, least: Sequence[int]
) -> tuple[list[list[int]], list[list[float]]]:
    """Widths and residuals of each layer for each of ``SLIM_SHARES``."""
    offsets = np.cumsum([0, *(len(one.order) for one in selections)])
    numbered = [
        dataclasses.replace(one, order=one.order + int(offset))
        for one, offset in zip(selections, offsets, strict=False)
    ]
    path = analysis.narrowing(numbered, least, costs)
    widths, residuals = [], []
    for share in SLIM_SHARES:
        gone = path.gone(path.steps_to(share / 100 * float(path.cost[0])), len(selections))
        stay = [len(one.order) - int(less) for one, less in zip(selections, gone, strict=True)]
        widths.append(stay)
        residuals.append(
            [
                round(float(one.residual[count]), 4)
                for one, count in zip(selections, stay, strict=True)
            ]
        )
    return widths, residuals


def _pack(prediction: Prediction) -> bytes:
    return zlib.compress(json.dumps(dataclasses.asdict(prediction)).encode(), 6)


def _unpack(value: bytes, _images: int) -> Prediction:
    found = read_json(inflated(value))
    return Prediction(
        **found | {"names": tuple(found["names"]), "filters": tuple(found["filters"])}
    )


PREDICTION: Final = StoredKind("slim-prediction", lambda one: one.stored, _pack, _unpack)


class Predictions:
    """Gives predictions for the page: what is kept at once, the rest by jobs.

    Args:
        reader: the store.
        url: its URL.
        jobs: work out what is not kept.
    """

    def __init__(self, reader: StoreReader, url: str, jobs: Jobs) -> None:
        self._reader, self._url = reader, url
        self._kept: Kept[Prediction] = Kept(jobs, "slim-prediction", 8)

    def of(self, run: Run) -> Prediction | UnderWay:
        """Return the prediction for a run's network, or how far it is: then ask again.

        Raises:
            NoPrediction: the store holds too little.
            WorkLost: the worker process ended.
            StoreError: the store cannot be read.
        """
        return self._kept.ask(
            run.uuid,
            lambda: PREDICTION.find_recent(self._reader, run),
            lambda known: may_stand(run, known.stored),
            computed_prediction,
            *(self._url, run.id),
        )
