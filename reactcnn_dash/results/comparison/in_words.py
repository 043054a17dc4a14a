"""A comparison of two runs as text to read, and as JSON."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.printing import aligned, one_line
from reactcnn_dash.results.comparison.comparing import both_name_classes
from reactcnn_dash.results.precision import told_apart
from reactcnn_dash.results.text import number_text, percent_text

if TYPE_CHECKING:
    from reactcnn_dash.db import Run
    from reactcnn_dash.results.comparison.comparing import ComparedLayer, Comparison

FORMAT = 3
"""Of the JSON; another number for another set of fields."""

_HEAD = (
    *("layer", "filters", "CKA", "ARI", "NMI", "dead A", "dead B", "const A", "const B"),
    *("died", "alive", "same r", "sure"),
)


def as_text(comparison: Comparison) -> str:
    """Return a comparison as a few lines and a table, one row a layer."""
    c = comparison
    lines = [
        f"A  {_title(c.a)}",
        f"B  {_title(c.b)}",
        f"images in common     {c.images:,} (A has {c.a.stored:,}, B {c.b.stored:,})",
    ]
    if c.left_out:
        lines.append(f"damaged rows         {c.left_out:,} images are not in the table")
    if c.accuracy is not None:
        of = "a label" if both_name_classes(c.a, c.b) else "labels, each of them right"
        lines.append(f"accuracy             {_shift(c.accuracy)} of {c.labelled:,} with {of}")
    if c.errors is not None:
        shift = " → ".join(f"{one:.4g}" for one in c.errors)
        lines.append(f"mean absolute error  {shift} of {c.labelled:,} with a target")
    if both_name_classes(c.a, c.b):
        lines.append(f"mean confidence      {_shift(c.confidence)}")
        lines.append(f"prediction changed   {len(c.changed.a):,} images{_corrections(c)}")
    else:
        lines.append("prediction changed   not known: not both runs name classes")
    if c.parting.layer is not None:
        filters = ", ".join(str(one) for one in c.parting.filters)
        lines.append(f"part first at        {c.parting.layer}, filters {filters}")
    if rounding := told_apart(c.a, c.b):
        lines.append(f"precision            {rounding}")
    if c.unmatched:
        lines.append(f"not in both          {', '.join(c.unmatched)}")
    lines += [f"not finite           {text}" for text in not_finite(c)]
    lines += (
        "",
        *aligned([_HEAD, *(_row(layer) for layer in c.layers)]),
        "",
        f"CKA: linear. ARI, NMI: clusters by {analysis.METHODS[c.method].label}. const: constant, "
        "dead ones included.",
        "died, alive: dead in B only, in A only. same r: median correlation of the filters of the "
        "same number.",
        "sure: share of A's varying filters that are matched with one of B confidently.",
    )
    return "\n".join(lines) + "\n"


def as_dict(comparison: Comparison) -> dict[str, object]:
    """Return the whole comparison as JSON can say it; what is undefined is None."""
    c = comparison
    changed = dataclasses.asdict(c.changed)
    return {
        "format": FORMAT,
        "a": _run(c.a),
        "b": _run(c.b),
        "images": c.images,
        "left_out": c.left_out,
        "labelled": c.labelled,
        "accuracy": _plain(c.accuracy),
        "errors": _plain(c.errors),
        "confidence": _plain(c.confidence),
        "pairs": _plain(dataclasses.asdict(c.pairs)),
        "changed": _plain(changed),
        "unmatched": _plain(c.unmatched),
        "not_finite": [{"run": one.run, "layers": list(one.layers)} for one in c.not_finite],
        "method": c.method,
        "parameter": c.parameter,
        "cka": _plain(c.cka),
        "cka_images": c.cka_images,
        "parting": {"layer": c.parting.layer, "filters": list(c.parting.filters)},
        "rounding": told_apart(c.a, c.b) or None,
        "layers": [_layer(layer) for layer in c.layers],
    }


def not_finite(comparison: Comparison) -> list[str]:
    """Return which layers are left out since they are not finite, a line a run."""
    names = {run.id: run.name for run in (comparison.a, comparison.b)}
    return [
        f"{', '.join(one.layers)} in run {one.run} ({one_line(names[one.run])})"
        for one in comparison.not_finite
    ]


def confident_share(result: analysis.LayerComparison) -> float:
    """Return the share of the first run's varying filters with a confident match; NaN without."""
    varying = len(result.same_index) - result.matches.left_out[0]
    return int(result.matches.confident.sum()) / varying if varying else math.nan


def median_same_index(result: analysis.LayerComparison) -> float:
    """Return the median same-index correlation of the filters that have one; NaN without."""
    known = result.same_index[np.isfinite(result.same_index)]
    return float(np.median(known)) if len(known) else math.nan


def _title(run: Run) -> str:
    return f"run {run.id} ({one_line(run.name)}), checkpoint {run.checkpoint.sha256[:12]}"


def _shift(values: tuple[float, float]) -> str:
    return " → ".join(percent_text(value, 2) for value in values)


def _corrections(c: Comparison) -> str:
    if c.accuracy is None:
        return ""
    return f" ({c.changed.corrected.sum():,} corrected, {c.changed.broken.sum():,} broken)"


def _row(layer: ComparedLayer) -> tuple[str, ...]:
    result = layer.result
    return (
        layer.a.name,
        str(layer.a.filters),
        number_text(result.cka, 3),
        number_text(result.clusters.ari, 3),
        number_text(result.clusters.nmi, 3),
        *(str(count) for count in (*result.dead, *result.constant)),
        str(len(result.died)),
        str(len(result.came_alive)),
        number_text(median_same_index(result), 3),
        percent_text(confident_share(result), 0),
    )


class _Compared(TypedDict):
    id: int
    uuid: str
    name: str
    checkpoint: str
    precision: str
    images: int


def _run(run: Run) -> _Compared:
    return {
        "id": run.id,
        "uuid": run.uuid,
        "name": run.name,
        "checkpoint": run.checkpoint.sha256,
        "precision": run.precision,
        "images": run.stored,
    }


def _layer(layer: ComparedLayer) -> dict[str, object]:
    result = layer.result
    values = {
        "name": layer.a.name,
        "filters": layer.a.filters,
        "median_same_index": median_same_index(result),
        "confident_share": confident_share(result),
        **dataclasses.asdict(result),
    }
    values["matches"]["confident"] = result.matches.confident
    plain: dict[str, object] = _plain(values)
    return plain


def _plain(value: Any) -> Any:
    """Arrays and tuples as lists; NaN, which JSON has not, as None."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
