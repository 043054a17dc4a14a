"""What a slimming leaves behind besides the model: the channel map and the result, as JSON."""

from __future__ import annotations

import contextlib
import json
import math
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from collector.slim.channels import WEIGHTED
from collector.slim.request import SlimError
from reactcnn_dash.analysis import explain
from reactcnn_dash.db import NewSlimming, StoreMissing, save_slimming
from reactcnn_dash.db.slimmings import Width
from reactcnn_dash.results.naming import filter_address

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from collector.slim.request import SlimRequest
    from collector.slim.slimming import Cut, Slimming

POINTS = 200
"""Points of the curve of what is predicted."""

_DIGITS = 4


class ChannelMap(TypedDict):
    """Which filter of the whole network each filter of the slim one is.

    ``layers``: for each tapped convolution by its name, and each dense layer, and each layer with
    weights between them, its kept channels, ascending, numbered as in the whole network.
    """

    model: str
    layers: dict[str, list[int]]


class Change(TypedDict):
    """A number of the whole network, and of the slim one."""

    before: int
    after: int


class Fitted(TypedDict):
    """How well a kernel was fitted to what its layer answered in the whole network."""

    name: str
    r2: float | None
    ridge: float | None


class Evidence(TypedDict):
    """How much of a filter that went those that stay explain, and which few do most."""

    filter: str
    consumer: str
    r2: float | None
    by: list[str]
    r2_by: float | None


class Result(TypedDict):
    """What was found of a cut, beside what the caller knows of it."""

    model: str
    checkpoint: str
    parameters: Change
    multiply_adds: Change
    layers: list[Width]
    whole: dict[str, str]
    fitted: list[Fitted]
    filters: list[Evidence]
    predicted: list[dict[str, float]]


def channel_map(slimming: Slimming, kept: NDArray[np.bool_]) -> ChannelMap:
    """Return which filter of the whole network each filter of the slim one is."""
    layers: dict[str, list[int]] = {}
    for name, numbers in _layers(slimming).items():
        layers[name] = np.flatnonzero(kept[numbers]).tolist()
    return {"model": slimming.network.loaded.name, "layers": layers}


def result(slimming: Slimming, cut: Cut) -> Result:
    """Return what was found, as JSON can say it.

    Args:
        slimming: the network, measured.
        cut: what was made of it.
    """
    network = slimming.network
    names = _layers(slimming)
    filters = _with_filters(slimming)
    whole = slimming.whole
    return {
        "model": network.loaded.name,
        "checkpoint": network.loaded.sha256,
        "parameters": {"before": network.loaded.parameters, "after": cut.parameters},
        "multiply_adds": {
            "before": round(slimming.work.total(whole)),
            "after": cut.work,
        },
        "layers": [
            {
                "name": name,
                "before": len(numbers),
                "after": int(cut.kept[numbers].sum()),
            }
            for name, numbers in names.items()
            if name in filters
        ],
        "whole": slimming.left_whole(),
        "fitted": [
            {"name": one.name, "r2": _rounded(one.r2), "ridge": one.ridge} for one in cut.fitted
        ],
        "filters": evidence(slimming, cut.kept),
        "predicted": curve(slimming),
    }


def evidence(slimming: Slimming, kept: NDArray[np.bool_]) -> list[Evidence]:
    """Return for each filter that went how much of it those that stay explain, and which do most.

    As its consumer receives it, over images and positions, fitted on every other image and judged
    on the images between; of several consumers the one that it is explained to worst.
    """
    addresses = _addresses(slimming)
    found: dict[int, Evidence] = {}
    for consumer, measured in zip(slimming.consumers, slimming.measured, strict=True):
        for group, moments in zip(consumer.groups, measured.groups, strict=True):
            stays = np.flatnonzero(kept[group.channels])
            if len(stays) == len(group.channels) or not (moments.first.n and moments.second.n):
                continue
            for one in explain(moments.first, moments.second, stays):
                number = int(group.channels[one.filter])
                entry: Evidence = {
                    "filter": addresses.get(number, str(number)),
                    "consumer": consumer.layer.name,
                    "r2": _rounded(one.r2),
                    "by": [addresses.get(int(group.channels[by]), "") for by in one.by],
                    "r2_by": _rounded(one.r2_by),
                }
                before = found.get(number)
                if before is None or _worse(entry["r2"], before["r2"]):
                    found[number] = entry
    return [found[number] for number in sorted(found)]


def curve(slimming: Slimming) -> list[dict[str, float]]:
    """Return what is predicted on the way from the whole network to the narrowest.

    ``divergence`` is the expected Kullback–Leibler divergence of the predictions before anything is
    fitted, by which widths are compared; it is no loss of accuracy.
    """
    choice = slimming.choice
    steps = len(choice.path.groups)
    whole = slimming.whole
    parameters, work = choice.parameters.total(whole), choice.work.total(whole)
    points = []
    for step in np.unique(np.linspace(0, steps, POINTS).round().astype(int)).tolist():
        kept = choice.kept(step)
        points.append(
            {
                "parameters": round(choice.parameters.total(kept) / max(parameters, 1.0), _DIGITS),
                "multiply_adds": round(choice.work.total(kept) / max(work, 1.0), _DIGITS),
                "divergence": float(f"{choice.path.residual[step]:.4g}"),
            }
        )
    return points


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON to a file, whole or not at all."""
    partial = path.with_name(f".partial-{path.name}")
    try:
        partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise SlimError(f"cannot write {path}: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)


def keep(request: SlimRequest, result: Mapping[str, Any], channels: Mapping[str, Any]) -> None:
    """Write what was found beside the model, and to the store where that knows the network.

    Raises:
        SlimError: the file cannot be written.
        StoreError: the store is there, but cannot be written.
    """
    write(request.result, result)
    runs = result["runs"] or {"before": None, "after": None}
    with contextlib.suppress(StoreMissing):
        save_slimming(
            request.store,
            NewSlimming(
                checkpoint=result["checkpoint"],
                before=runs["before"],
                after=runs["after"],
                method=result["method"],
                output=result["output"],
                result=result,
                channels=channels,
            ),
        )


def _layers(slimming: Slimming) -> dict[str, NDArray[np.intp]]:
    """Return the channels that each layer makes, by its name, in the order of the network."""
    network, channels = slimming.network, slimming.channels
    taps = {id(tap.convolution): tap.name for tap in reversed(network.taps)}
    makers = {id(one.layer) for one in slimming.consumers}
    found: dict[str, NDArray[np.intp]] = {}
    for call in network.graph.calls:
        layer = call.operation
        if id(layer) in makers or type(layer) in WEIGHTED:
            name = taps.get(id(layer), layer.name)
            if name in found and id(layer) not in taps:
                name = "/".join((*call.path, layer.name))
            found.setdefault(name, channels.of(call.outputs[0]).numbers)
    return found


def _with_filters(slimming: Slimming) -> set[str]:
    """Return the names of the layers that have filters or units."""
    names = {tap.name for tap in slimming.network.taps}
    return names | {one.layer.name for one in slimming.consumers}


def _addresses(slimming: Slimming) -> dict[int, str]:
    """Return the address layer:filter of each channel, where it is made first."""
    found: dict[int, str] = {}
    for name, numbers in _layers(slimming).items():
        for index, number in enumerate(numbers.tolist()):
            found.setdefault(number, filter_address(name, index))
    return found


def _worse(one: float | None, other: float | None) -> bool:
    return one is not None and (other is None or one < other)


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, _DIGITS)
