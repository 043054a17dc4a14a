"""What a redundancy report says can go, as channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np

from collector.slim.request import SlimError
from reactcnn_dash.kinds import fits, read_json
from reactcnn_dash.results.naming import filter_address

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from collector.slim.slimming import Slimming


class _Explained(TypedDict):
    filter: int
    verdict: Literal["confirmed", "candidate"]


class _Layer(TypedDict):
    name: str
    explained: list[_Explained] | None


class _Report(TypedDict):
    """What is read of a redundancy report."""

    layers: list[_Layer]


def planned(slimming: Slimming, path: Path) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which channels stay by a report, and what of it is not followed, a line each.

    Those filters go that the others of their layer explain, confirmed on images that were not
    fitted. Filters that are added to those of other layers go only if the report confirms all that
    they are added to.

    Args:
        slimming: the network.
        path: the JSON of the Redundancy page, or of its command.

    Raises:
        SlimError: it is no report of this network, or nothing in it can go.
    """
    wanted, candidates = _confirmed(path)
    left = []
    if candidates:
        left.append(f"{candidates:,} filters that are not confirmed stay.")
    taps = {tap.name: slimming.filters_of(tap) for tap in slimming.network.taps}
    named: dict[int, set[str]] = {}
    for layer, filters in wanted.items():
        there = len(taps[layer]) if layer in taps else 0
        missing = [one for one in filters if not 0 <= one < there]
        if layer not in taps or missing:
            raise SlimError(
                f"{path} is about another network: this one has no filter "
                f"{filter_address(layer, max(missing, default=0))}."
            )
        for number in taps[layer][filters].tolist():
            named.setdefault(number, set()).add(layer)
    kept = slimming.whole
    for number, layers in named.items():
        reason = _reason_to_stay(slimming, number, layers, taps)
        if reason is None:
            kept[number] = False
        else:
            left.append(f"a filter of {min(layers)} stays: {reason}.")
    _keep_one_of_each(slimming, kept)
    if kept.all():
        raise SlimError(f"{path} confirms no filter that could go; give a budget instead.")
    return kept, left


def _confirmed(path: Path) -> tuple[dict[str, list[int]], int]:
    """Return the confirmed filters by layer, and how many candidates are not."""
    wanted: dict[str, list[int]] = {}
    candidates = 0
    try:
        report = read_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SlimError(f"cannot read {path}: {error.strerror}.") from error
    except ValueError:
        report = None
    if not fits(report, _Report) or any(
        one["filter"] < 0 for layer in report["layers"] for one in layer["explained"] or ()
    ):
        raise SlimError(
            f"{path} is no redundancy report; write one with python -m reactcnn_dash redundancy "
            f"RUN --json > {path.name}"
        )
    for layer in report["layers"]:
        gone = wanted.setdefault(layer["name"], [])
        for one in layer["explained"] or ():
            if one["verdict"] == "confirmed":
                gone.append(one["filter"])
            else:
                candidates += 1
    return wanted, candidates


def _reason_to_stay(
    slimming: Slimming, number: int, layers: set[str], taps: dict[str, NDArray[np.intp]]
) -> str | None:
    if number in slimming.channels.pinned:
        return slimming.channels.pinned[number]
    others = {name for name, numbers in taps.items() if (numbers == number).any()} - layers
    return f"what it is added to in {min(others)} is not confirmed" if others else None


def _keep_one_of_each(slimming: Slimming, kept: NDArray[np.bool_]) -> None:
    """Return a layer that would be left empty its first filter back."""
    for bundle in slimming.bundles:
        for producer in np.unique(bundle.producers):
            mine = bundle.channels[bundle.producers == producer]
            if not kept[mine].any():
                kept[mine[0]] = True
