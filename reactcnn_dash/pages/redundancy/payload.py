"""Redundancy → what the page draws: plain values, few bytes. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactcnn_dash import analysis
from reactcnn_dash.finite import rounded
from reactcnn_dash.pages.palette import cluster_colours
from reactcnn_dash.results.redundancy.report import METHOD, summary
from reactcnn_dash.results.redundancy.stability import verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reactcnn_dash.db import Layer, Run
    from reactcnn_dash.pages.redundancy.shapes import (
        ExplainedFilter,
        RedundancyPayload,
        RedundantCluster,
        ReportedLayer,
        Stability,
    )
    from reactcnn_dash.results.redundancy.report import LayerReport, RedundancyReport
    from reactcnn_dash.results.redundancy.stability import LayerStability

_DIGITS = 4


def report_payload(
    report: RedundancyReport, run: Run, layers: Sequence[Layer]
) -> RedundancyPayload:
    """Return what the page shows of a run: its layers, each with its clusters."""
    return {
        "run": {
            "id": run.id,
            "uuid": run.uuid,
            "name": run.name,
            "model": run.checkpoint.model,
            "checkpoint": run.checkpoint.sha256[:8],
            "source": run.image_source,
            "state": run.state.value,
        },
        "shape": run.image_shape,
        "images": report.images,
        "mapImages": report.map_images,
        "explainedImages": report.explained_images,
        "method": METHOD,
        "threshold": report.threshold,
        "summary": summary(report),
        "layers": [
            _layer(one, layer, report.images)
            for one, layer in zip(report.layers, layers, strict=True)
        ],
    }


def _layer(found: LayerReport, layer: Layer, images: int) -> ReportedLayer:
    row = found.row
    colours = cluster_colours({one.label: len(one.filters) for one in found.clusters})
    return {
        "name": found.name,
        "position": layer.position,
        "height": layer.height,
        "width": layer.width,
        "filters": row.filters,
        "dead": row.dead,
        "constant": row.constant,
        "pairs90": row.pairs_90,
        "pairs95": row.pairs_95,
        "rank": round(row.effective_rank, 1),
        "couldGo": row.could_go,
        "confirmed": found.confirmed,
        "clusters": [_cluster(one, colours[one.label], images) for one in found.clusters],
        "stay": None if found.plan is None else len(found.plan.stay),
        "explained": [] if found.plan is None else _explained(found.plan),
    }


def _explained(plan: analysis.LayerPlan) -> list[ExplainedFilter]:
    """Return the filters that do not stay, the best explained first; those that never vary last."""
    confirmed = plan.confirmed
    order = sorted(plan.explained, key=lambda one: -2.0 if one.r2 is None else one.r2)[::-1]
    return [
        {
            "filter": one.filter,
            "r2": rounded(one.r2),
            "by": list(one.by),
            "r2By": rounded(one.r2_by),
            "confirmed": one.filter in confirmed,
        }
        for one in order
    ]


def _cluster(one: analysis.ClusterEvidence, colour: str, images: int) -> RedundantCluster:
    return {
        "label": one.label,
        "colour": colour,
        "filters": list(one.filters),
        "keep": one.keep,
        "mean": round(one.mean_r, _DIGITS),
        "mean95": _interval(one.mean_r, images),
        "lowest": round(one.lowest_r, _DIGITS),
        "lowest95": _interval(one.lowest_r, images),
        "spatialR": rounded(one.spatial_r),
        "spatial": [rounded(value) for value in one.spatial],
        "mapImages": one.map_images,
        "examples": list(one.examples),
        "explained": [rounded(value) for value in one.explained],
        "verdict": one.verdict.value,
    }


def stability_payload(known: LayerStability) -> Stability:
    """Return what the page shows of whether a layer's clusters hold."""
    found = known.found
    return {
        "verdict": verdict(known),
        "stored": known.stored,
        "images": found.images,
        "target": analysis.TARGET,
        "enough": found.enough,
        "bootstrap": [round(value, _DIGITS) for value in found.bootstrap],
        "curve": [
            {
                "images": point.images,
                "agreement": round(point.agreement, _DIGITS),
                "low": round(point.low, _DIGITS),
                "high": round(point.high, _DIGITS),
            }
            for point in found.curve
        ],
    }


def _interval(r: float, images: int) -> tuple[float, float]:
    low, high = analysis.fisher_interval(r, images)
    return round(low, _DIGITS), round(high, _DIGITS)
