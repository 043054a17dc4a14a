"""Comparisons → what the page draws: plain values, few bytes. Pure functions."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import numpy as np

from reactcnn_dash.finite import finite, rounded
from reactcnn_dash.pages.palette import cluster_colours
from reactcnn_dash.results.comparison.comparing import both_name_classes
from reactcnn_dash.results.comparison.in_words import confident_share, median_same_index, not_finite
from reactcnn_dash.results.precision import told_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.analysis import Clusters
    from reactcnn_dash.db import Image, Layer, Run
    from reactcnn_dash.pages.compare.shapes import (
        ChangedImages,
        Compared,
        ComparedRun,
        CurvePoint,
        ImagePair,
        Kind,
        LayerFilters,
        LayerRow,
        RunAnswer,
    )
    from reactcnn_dash.results.comparison.comparing import Changed, ComparedLayer, Comparison

PAGE: Final = 48
"""Changed images of one answer."""


KINDS: Final[dict[Kind, str]] = {
    "all": "All",
    "corrected": "Corrected",
    "broken": "Broken",
    "between": "Between wrong ones",
}
"""Kinds of changed images, with their names; see :func:`kinds`."""


def kinds(changed: Changed) -> dict[Kind, NDArray[np.bool_]]:
    """Return which of the changed images are of each kind, ``(n,)`` bool by the kind's name."""
    return {
        "all": np.ones(len(changed.a), bool),
        "corrected": changed.corrected,
        "broken": changed.broken,
        "between": changed.between,
    }


def comparison_payload(c: Comparison) -> Compared:
    """Return what the page shows of a comparison at first sight."""
    return {
        "a": _run(c.a, [layer.a for layer in c.layers]),
        "b": _run(c.b, [layer.b for layer in c.layers]),
        "images": c.images,
        "leftOut": c.left_out,
        "labelled": c.labelled,
        "accuracy": c.accuracy,
        "errors": c.errors,
        "confidence": (finite(c.confidence[0]), finite(c.confidence[1])),
        "changed": {kind: int(which.sum()) for kind, which in kinds(c.changed).items()},
        "unmatched": list(c.unmatched),
        "notFinite": not_finite(c),
        "method": c.method,
        "parameter": c.parameter,
        "layers": [layer_row(layer) for layer in c.layers],
        "cka": [[rounded(value) for value in row] for row in c.cka.tolist()],
        "ckaImages": c.cka_images,
        "parting": {"layer": c.parting.layer, "filters": list(c.parting.filters)},
        "rounding": told_apart(c.a, c.b),
    }


def layer_row(layer: ComparedLayer) -> LayerRow:
    """Return the figures of one layer."""
    result = layer.result
    return {
        "name": layer.a.name,
        "kind": layer.a.kind,
        "filters": layer.a.filters,
        "height": layer.a.height,
        "width": layer.a.width,
        "cka": rounded(result.cka),
        "ari": rounded(result.clusters.ari),
        "nmi": rounded(result.clusters.nmi),
        "deadA": result.dead[0],
        "deadB": result.dead[1],
        "constantA": result.constant[0],
        "constantB": result.constant[1],
        "died": len(result.died),
        "alive": len(result.came_alive),
        "same": rounded(median_same_index(result)),
        "sure": rounded(confident_share(result)),
        "parameter": result.clusters.parameter,
    }


def filters_payload(layer: ComparedLayer) -> LayerFilters:
    """Return what the page shows of one layer's filters: a list a figure, by filter."""
    result = layer.result
    matches = result.matches
    return {
        "same": _list(result.same_index),
        "match": matches.match.tolist(),
        "r": _list(matches.r),
        "margin": _list(matches.margin),
        "sure": matches.confident.astype(int).tolist(),
        "a": result.clusters.a.tolist(),
        "b": result.clusters.b.tolist(),
        "colours": _colours(result.clusters),
        "died": list(result.died),
        "alive": list(result.came_alive),
        "leftOut": list(matches.left_out),
    }


def changed_payload(c: Comparison, kind: Kind, offset: int) -> ChangedImages:
    """Return a page of the changed images of a kind.

    Raises:
        KeyError: there is no such kind.
    """
    by_kind = kinds(c.changed)
    which = np.flatnonzero(by_kind[kind])
    part = which[offset : offset + PAGE]
    columns = (c.changed.a, c.changed.b, c.changed.label, c.changed.before, c.changed.after)
    rows = np.stack([column[part] for column in columns], axis=1)
    own = [name for name in by_kind if name != "all"]
    return {
        "kind": kind,
        "offset": offset,
        "total": len(which),
        "hits": rows.tolist(),
        "kinds": [next(name for name in own if by_kind[name][at]) for at in part.tolist()],
    }


def pair_payload(
    c: Comparison, kind: Kind, images: tuple[Image, Image], gaps: Sequence[NDArray[np.float32]]
) -> ImagePair:
    """Return both runs' answers to one image, and the changed images of a kind beside it."""
    here = images[0].ordinal
    which = c.changed.a[kinds(c.changed)[kind]]
    at = int(np.searchsorted(which, here))
    there = at < len(which) and which[at] == here
    after = at + 1 if there else at
    return {
        "a": _answer(images[0], gaps[0], [layer.a for layer in c.layers]),
        "b": _answer(images[1], gaps[1], [layer.b for layer in c.layers]),
        "place": at if there else None,
        "total": len(which),
        "previous": int(which[at - 1]) if at else None,
        "next": int(which[after]) if after < len(which) else None,
    }


def curves_row(c: Comparison) -> CurvePoint:
    """Return the figures of a comparison that are drawn against the epoch."""
    rows = [layer_row(layer) for layer in c.layers]
    return {
        "layers": [row["name"] for row in rows],
        "images": c.images,
        "accuracy": c.accuracy,
        "errors": c.errors,
        "confidence": (finite(c.confidence[0]), finite(c.confidence[1])),
        "changed": len(c.changed.a) if both_name_classes(c.a, c.b) else None,
        "answers": (c.a.answers.value, c.b.answers.value),
        "cka": [row["cka"] for row in rows],
        "ari": [row["ari"] for row in rows],
        "nmi": [row["nmi"] for row in rows],
        "same": [row["same"] for row in rows],
        "sure": [row["sure"] for row in rows],
        "deadA": [row["deadA"] for row in rows],
        "deadB": [row["deadB"] for row in rows],
        "constantA": [row["constantA"] for row in rows],
        "constantB": [row["constantB"] for row in rows],
        "died": [row["died"] for row in rows],
        "alive": [row["alive"] for row in rows],
    }


def _colours(clusters: Clusters) -> dict[str, str]:
    """Return the colour of each cluster of two or more filters, by its number, in both runs."""
    several: set[int] = set()
    for labels in (clusters.a, clusters.b):
        numbers, sizes = np.unique(labels, return_counts=True)
        several.update(numbers[(sizes > 1) & (numbers >= 0)].tolist())
    colours = cluster_colours(dict.fromkeys(several, 2))
    return {str(number): colour for number, colour in colours.items()}


def _answer(image: Image, gap: NDArray[np.float32], layers: Sequence[Layer]) -> RunAnswer:
    # Only the layers in common, side by side as the page's grid has them.
    chosen = np.concatenate([gap[one.offset : one.offset + one.filters] for one in layers])
    return {
        "ordinal": image.ordinal,
        "label": image.label,
        "prediction": image.named,
        "name": image.name,
        "error": None if image.target is None else image.target.error,
        "probabilities": [rounded(value) for value in image.probabilities.tolist()],
        "gap": base64.b64encode(chosen.astype("<f4").tobytes()).decode(),
    }


def _run(run: Run, layers: Sequence[Layer]) -> ComparedRun:
    positions = [layer.position for layer in layers]
    return {
        "id": run.id,
        "uuid": run.uuid,
        "name": run.name,
        "images": run.stored,
        "classes": list(run.class_names),
        "answers": run.answers.value,
        "precision": run.precision,
        "shape": run.image_shape,
        "low": [finite(value) for value in run.gap_low[positions].tolist()],
        "high": [finite(value) for value in run.gap_high[positions].tolist()],
    }


def _list(values: NDArray[np.float64]) -> list[float | None]:
    return [rounded(value) for value in values.tolist()]
