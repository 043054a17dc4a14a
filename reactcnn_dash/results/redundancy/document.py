"""A redundancy report as JSON says it, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

from reactcnn_dash import analysis
from reactcnn_dash.printing import as_json
from reactcnn_dash.results.naming import filter_address
from reactcnn_dash.results.redundancy.report import METHOD, LayerReport, RedundancyReport

if TYPE_CHECKING:
    from reactcnn_dash.db import Run


class ExplainedJson(TypedDict):
    """A filter, and what those that stay explain of it."""

    filter: int
    r2: float | None
    by: Sequence[int]
    r2_by: float | None
    address: str
    by_addresses: list[str]
    verdict: str


class ClusterJson(TypedDict):
    """A cluster with its evidence; see ``analysis.ClusterEvidence``."""

    label: int
    filters: Sequence[int]
    keep: int
    mean_r: float
    lowest_r: float
    spatial_r: float | None
    spatial: Sequence[float | None]
    map_images: int
    examples: Sequence[int]
    explained: Sequence[float | None]
    verdict: str
    mean_r_95: tuple[float, float]
    lowest_r_95: tuple[float, float]
    addresses: list[str]
    keep_address: str


class LayerJson(TypedDict):
    """A layer; see ``analysis.LayerRedundancy``, whose figures it has."""

    name: str
    filters: int
    constant: int
    dead: int
    pairs_90: int
    pairs_95: int
    effective_rank: float
    could_go: int
    confirmed: int
    clusters: list[ClusterJson]
    stay: list[int] | None
    explained: list[ExplainedJson] | None


class ReportJson(TypedDict):
    """A report, with an address ``layer:filter`` for every filter."""

    images: int
    left_out: int
    map_images: int
    explained_images: int
    method: str
    threshold: float
    layers: list[LayerJson]


def exported(report: RedundancyReport, run: Run) -> str:
    """Return a report of a run as the text of a JSON file, see :func:`as_dict`."""
    named = {
        "id": run.id,
        "uuid": run.uuid,
        "name": run.name,
        "checkpoint": run.checkpoint.sha256,
    }
    return as_json({"run": named, **as_dict(report)})


def as_dict(report: RedundancyReport) -> ReportJson:
    """Return a report as JSON can say it."""
    return {
        "images": report.images,
        "left_out": report.left_out,
        "map_images": report.map_images,
        "explained_images": report.explained_images,
        "method": METHOD,
        "threshold": report.threshold,
        "layers": [_layer_dict(layer, report) for layer in report.layers],
    }


def from_dict(values: ReportJson) -> RedundancyReport:
    """Return the report that ``as_dict`` made into ``values``."""
    return RedundancyReport(
        images=values["images"],
        map_images=values["map_images"],
        threshold=values["threshold"],
        explained_images=values["explained_images"],
        left_out=values.get("left_out", 0),
        layers=tuple(_layer_of(layer, values["threshold"]) for layer in values["layers"]),
    )


def _layer_dict(layer: LayerReport, report: RedundancyReport) -> LayerJson:
    plan, row = layer.plan, layer.row
    return {
        "name": layer.name,
        "filters": row.filters,
        "constant": row.constant,
        "dead": row.dead,
        "pairs_90": row.pairs_90,
        "pairs_95": row.pairs_95,
        "effective_rank": row.effective_rank,
        "could_go": row.could_go,
        "confirmed": layer.confirmed,
        "clusters": [_cluster_dict(layer.name, one, report.images) for one in layer.clusters],
        "stay": None if plan is None else list(plan.stay),
        "explained": None
        if plan is None
        else [_explained_dict(layer.name, one, plan) for one in plan.explained],
    }


def _explained_dict(
    layer: str, one: analysis.Explanation, plan: analysis.LayerPlan
) -> ExplainedJson:
    confirmed = one.filter in plan.confirmed
    return {
        "filter": one.filter,
        "r2": one.r2,
        "by": one.by,
        "r2_by": one.r2_by,
        "address": filter_address(layer, one.filter),
        "by_addresses": [filter_address(layer, filter_) for filter_ in one.by],
        "verdict": str(analysis.Verdict.CONFIRMED if confirmed else analysis.Verdict.CANDIDATE),
    }


def _cluster_dict(layer: str, one: analysis.ClusterEvidence, images: int) -> ClusterJson:
    return {
        "label": one.label,
        "filters": one.filters,
        "keep": one.keep,
        "mean_r": one.mean_r,
        "lowest_r": one.lowest_r,
        "spatial_r": one.spatial_r,
        "spatial": one.spatial,
        "map_images": one.map_images,
        "examples": one.examples,
        "explained": one.explained,
        "verdict": one.verdict,
        "mean_r_95": analysis.fisher_interval(one.mean_r, images),
        "lowest_r_95": analysis.fisher_interval(one.lowest_r, images),
        "addresses": [filter_address(layer, filter_) for filter_ in one.filters],
        "keep_address": filter_address(layer, one.keep),
    }


def _layer_of(values: LayerJson, level: float) -> LayerReport:
    row = analysis.LayerRedundancy(
        filters=values["filters"],
        constant=values["constant"],
        dead=values["dead"],
        pairs_90=values["pairs_90"],
        pairs_95=values["pairs_95"],
        effective_rank=values["effective_rank"],
        could_go=values["could_go"],
    )
    return LayerReport(
        name=values["name"],
        row=row,
        clusters=tuple(_cluster_of(one) for one in values["clusters"]),
        plan=_plan_of(level, values["stay"], values["explained"]),
    )


def _plan_of(
    level: float, stay: list[int] | None, explained: list[ExplainedJson] | None
) -> analysis.LayerPlan | None:
    if stay is None or explained is None:
        return None
    return analysis.LayerPlan(
        level,
        tuple(stay),
        tuple(
            analysis.Explanation(one["filter"], one["r2"], tuple(one["by"]), one["r2_by"])
            for one in explained
        ),
    )


def _cluster_of(values: ClusterJson) -> analysis.ClusterEvidence:
    return analysis.ClusterEvidence(
        label=values["label"],
        filters=tuple(values["filters"]),
        keep=values["keep"],
        mean_r=values["mean_r"],
        lowest_r=values["lowest_r"],
        spatial_r=values["spatial_r"],
        spatial=tuple(values["spatial"]),
        map_images=values["map_images"],
        examples=tuple(values["examples"]),
        explained=tuple(values["explained"]),
        verdict=analysis.Verdict(values["verdict"]),
    )
