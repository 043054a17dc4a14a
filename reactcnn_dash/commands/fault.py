"""``python -m reactcnn_dash fault GOOD SUSPECT``: the layer and filters where two runs part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from reactcnn_dash.errors import UserError
from reactcnn_dash.finite import finite
from reactcnn_dash.printing import as_json, one_line, write_out

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from reactcnn_dash.results.deviations.fault import Fault

MOST = 5
"""Filters that are named of the layer."""


def add_parser(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command to the subcommands of a command line."""
    result = commands.add_parser(
        "fault",
        parents=list(parents),
        help="name the first layer, and its filters, where a suspect run departs from a good one",
        description="Name the first layer, and its filters, where a suspect run departs from a "
        "good one: image by image where both saw 16 of the same images, otherwise by what is usual "
        "for the good run.",
    )
    result.add_argument("good", metavar="GOOD", help="the good run: its id, UUID or name")
    result.add_argument("suspect", metavar="SUSPECT", help="the suspect run, likewise")
    result.add_argument("--json", action="store_true", help="print everything as JSON")


def run(url: str, options: argparse.Namespace) -> int:
    """Print where the runs part; return the exit code.

    Raises:
        UserError: too few images, or runs that do not fit each other.
        StoreError: a run is not there, or the store cannot be read.
    """
    # Here and not above: the command line must answer --help at once.
    from reactcnn_dash.analysis import TooFewRows  # noqa: PLC0415
    from reactcnn_dash.db import StoreReader  # noqa: PLC0415
    from reactcnn_dash.results.deviations.fault import LEAST_COMMON, locate  # noqa: PLC0415

    try:
        fault = locate(StoreReader(url), options.good, options.suspect)
    except TooFewRows as error:
        raise UserError(
            f"the runs have fewer than {LEAST_COMMON} images in common, and the good one: {error}"
        ) from error
    write_out(as_json(as_dict(fault)) if options.json else text(fault))
    return 0


def text(fault: Fault) -> str:
    """Return what was found in a few lines."""
    found = fault.found
    how = (
        f"{found.images:,} images that both runs saw"
        if fault.same_images
        else f"{found.images:,} images of {one_line(fault.suspect.name)}, other than those of the "
        "good run"
    )
    lines = [
        f"good     run {fault.good.id} ({one_line(fault.good.name)})",
        f"suspect  run {fault.suspect.id} ({one_line(fault.suspect.name)})",
        f"by       {how}",
        *([f"note     {rounding}"] if (rounding := rounding_told(fault)) else []),
        "",
    ]
    if found.first is None:
        by = " by more than rounding may" if fault.same_images and rounding_told(fault) else ""
        return "\n".join([*lines, f"No layer differs{by}.\n"])
    lines.append(f"They part at {fault.layers[found.first].name}; its filters, the furthest first:")
    for filter_, score in found.filters(found.first, MOST):
        limit = found.limits[found.first]
        if score > limit:
            lines.append(f"  filter {filter_:>4}   {_number(score)} (limit {_number(limit)})")
    changed = [
        fault.layers[position].name for position in found.ranking[1:] if found.changed(position)
    ]
    if changed:
        lines += ["", f"Behind it also changed: {', '.join(changed)}."]
    return "\n".join(lines) + "\n"


class _Filter(TypedDict):
    filter: int
    score: float | None


class _Layer(TypedDict):
    name: str
    changed: bool
    limit: float | None
    filters: list[_Filter]


class FaultJson(TypedDict):
    """What was found; an infinite score is None."""

    good: int
    suspect: int
    images: int
    same_images: bool
    limit: float | None
    rounding: str | None
    first: str | None
    layers: list[_Layer]


def as_dict(fault: Fault) -> FaultJson:
    """Return what was found as JSON can say it."""
    found = fault.found
    return {
        "good": fault.good.id,
        "suspect": fault.suspect.id,
        "images": found.images,
        "same_images": fault.same_images,
        "limit": finite(min(found.limits)),
        "rounding": rounding_told(fault) or None,
        "first": None if fault.first is None else fault.first.name,
        "layers": [
            {
                "name": fault.layers[position].name,
                "changed": found.changed(position),
                "limit": finite(found.limits[position]),
                "filters": [
                    {"filter": filter_, "score": finite(score)}
                    for filter_, score in found.filters(position, MOST)
                ],
            }
            for position in found.ranking
        ],
    }


def rounding_told(fault: Fault) -> str:
    """Return what rounding hides, or may be taken for a fault; nothing in float32."""
    from reactcnn_dash.results.precision import told_apart  # noqa: PLC0415

    if fault.same_images:
        return told_apart(fault.good, fault.suspect)
    kinds = [run.precision for run in (fault.good, fault.suspect)]
    if kinds[0] == kinds[1]:
        return ""
    return (
        f"the good run is of {kinds[0]}, the suspect one of {kinds[1]}: without images that both "
        "saw, a small shift may be rounding alone."
    )


def _number(value: float) -> str:
    return f"{value:.3g}"
