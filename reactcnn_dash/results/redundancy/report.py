"""The redundancy report of a run: a row a layer, and every cluster with its evidence."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reactcnn_dash import analysis
from reactcnn_dash.db import StoreReader
from reactcnn_dash.results.clusters.clustering import ClusterRequest, whole_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactcnn_dash.db import Run
    from reactcnn_dash.results.clusters.clustering import Clustered
    from reactcnn_dash.results.redundancy.maps import MapEvidence
    from reactcnn_dash.results.redundancy.moments import MapMoments

METHOD = analysis.REDUNDANT.key


def checked_threshold(threshold: float) -> float:
    """Return a threshold that the method can use, to two digits.

    Raises:
        UnknownMethod: it is out of the method's range.
    """
    analysis.method_of(METHOD, threshold)
    return round(threshold, 2)


@dataclass(frozen=True, slots=True)
class LayerReport:
    """A layer's row, its clusters of two or more filters, and what explains what.

    Attributes:
        name: of the layer.
        row: its figures.
        clusters: confirmed ones first; both the tightest first.
        plan: which filters those that stay explain; None with too few maps for a verdict.
    """

    name: str
    row: analysis.LayerRedundancy
    clusters: tuple[analysis.ClusterEvidence, ...]
    plan: analysis.LayerPlan | None

    @property
    def confirmed(self) -> int:
        """How many filters could go since the others explain them."""
        return 0 if self.plan is None else len(self.plan.confirmed)


@dataclass(frozen=True, slots=True)
class RedundancyReport:
    """What is redundant in the network of a run.

    Attributes:
        images: images behind the correlations.
        map_images: images whose feature maps were looked at.
        threshold: τ of the clusters, and the R² from which on a filter counts as explained.
        layers: by position.
        explained_images: images whose feature maps the explanations are fitted to and judged on,
            half of them each.
        left_out: images of the run whose values are damaged or not finite.
    """

    images: int
    map_images: int
    threshold: float
    layers: tuple[LayerReport, ...]
    explained_images: int
    left_out: int = 0


def build(
    url: str,
    run: Run,
    threshold: float,
    evidence: tuple[MapEvidence, MapMoments],
    progress: Callable[[int], None] = lambda _done: None,
) -> RedundancyReport:
    """Work out the report of a run from its stored states and what its maps say.

    Its clusters are those that the live page shows by the same method and parameter, with the same
    numbers; they are stored as those are.

    Args:
        url: the store's URL.
        run: the run.
        threshold: τ, see ``analysis.METHODS``.
        evidence: what is known of its feature maps: how far they look alike, and their moments.
        progress: told how many layers are done.

    Raises:
        analysis.TooFewImages: fewer usable images than a correlation needs.
        StoreError: the store cannot be read.
    """
    reader = StoreReader(url)
    reports: list[LayerReport] = []
    stored = left_out = 0
    for layer in reader.layers(run.id):
        found = whole_run(reader, url, ClusterRequest(run.id, layer.position, METHOD, threshold))
        reports.append(_layer(found, *evidence, threshold))
        stored = found.stored
        left_out = max(left_out, found.stored - found.correlation.n)
        progress(len(reports))
    maps, moments = evidence
    return RedundancyReport(
        images=stored,
        map_images=len(maps.ordinals),
        threshold=threshold,
        layers=tuple(reports),
        explained_images=moments.images,
        left_out=left_out,
    )


def _layer(
    found: Clustered, maps: MapEvidence, moments: MapMoments, threshold: float
) -> LayerReport:
    spatial = maps.layers[found.layer.position] if maps.ordinals else None
    plan = None
    if moments.images >= analysis.LEAST_IMAGES:
        plan = analysis.plan_layer(*moments.layers[found.layer.position], threshold)
    judged = analysis.judge(found.correlation, found.labels, spatial, plan)
    # What is confirmed comes before what is suspected; both the tightest first.
    clusters = sorted(judged, key=lambda one: one.verdict is not analysis.Verdict.CONFIRMED)
    return LayerReport(
        name=found.layer.name,
        row=analysis.redundancy(found.correlation, found.labels),
        clusters=tuple(
            dataclasses.replace(one, examples=tuple(maps.ordinals[i] for i in one.examples))
            for one in clusters
        ),
        plan=plan,
    )


def summary(report: RedundancyReport) -> str:
    """Return the report in a sentence or two; what is left out of it is said."""
    text = _found(report)
    if not report.left_out:
        return text
    return f"{text} {report.left_out:,} images are left out: damaged in the store, or not finite."


def _found(report: RedundancyReport) -> str:
    filters = sum(layer.row.filters for layer in report.layers)
    could_go = sum(layer.row.could_go for layer in report.layers)
    constant = sum(layer.row.constant for layer in report.layers)
    confirmed = sum(layer.confirmed for layer in report.layers)
    clusters = sum(len(layer.clusters) for layer in report.layers)
    few = analysis.few_images(report.images)
    if few:
        return f"{few} Too few for a verdict on {filters:,} filters."
    if not could_go:
        return (
            f"By GAP values none of {filters:,} filters could go. {_explained(report, confirmed)}"
        )
    doubles = could_go - constant
    where = f"{clusters:,} cluster{'' if clusters == 1 else 's'}"
    if not doubles:
        why = "they never vary"
    elif not constant:
        why = f"they repeat others, in {where}"
    else:
        why = f"{doubles:,} repeat others, in {where}, and {constant:,} never vary"
    text = f"By GAP values {could_go:,} of {filters:,} filters could go: {why}."
    evidence = _explained(report, confirmed)
    judged = any(layer.plan is not None for layer in report.layers)
    return f"{evidence} {text}" if judged else f"{text} {evidence}"


def _explained(report: RedundancyReport, confirmed: int) -> str:
    """Return what the feature maps say, in a sentence."""
    images = report.explained_images
    if not images:
        return "No feature maps are stored that could confirm it."
    if all(layer.plan is None for layer in report.layers):
        return (
            f"The feature maps of {images:,} image{'' if images == 1 else 's'} confirm nothing "
            f"yet: {analysis.LEAST_IMAGES} are needed."
        )
    filters = f"{confirmed:,} filter{'' if confirmed == 1 else 's'}"
    return (
        f"The others explain the maps of {filters} at R² ≥ {report.threshold:g}, on images that "
        "were not fitted."
    )


def exported(report: RedundancyReport, run: Run) -> str:
    """Return a report of a run as the text of a JSON file, see :func:`as_dict`."""
    named = {
        "id": run.id,
        "uuid": run.uuid,
        "name": run.name,
        "checkpoint": run.checkpoint.sha256,
    }
    return f"{json.dumps({'run': named} | as_dict(report), indent=1)}\n"


def as_dict(report: RedundancyReport) -> dict[str, Any]:
    """Return a report as JSON can say it, with an address ``layer:filter`` for every filter."""
    return {
        "images": report.images,
        "left_out": report.left_out,
        "map_images": report.map_images,
        "explained_images": report.explained_images,
        "method": METHOD,
        "threshold": report.threshold,
        "layers": [_layer_dict(layer, report) for layer in report.layers],
    }


def from_dict(values: dict[str, Any]) -> RedundancyReport:
    """Return the report that ``as_dict`` made into ``values``."""
    return RedundancyReport(
        images=values["images"],
        map_images=values["map_images"],
        threshold=values["threshold"],
        explained_images=values["explained_images"],
        left_out=values.get("left_out", 0),
        layers=tuple(_layer_of(layer, values["threshold"]) for layer in values["layers"]),
    )


def _layer_dict(layer: LayerReport, report: RedundancyReport) -> dict[str, Any]:
    plan = layer.plan
    return {
        "name": layer.name,
        **dataclasses.asdict(layer.row),
        "confirmed": layer.confirmed,
        "clusters": [_cluster_dict(layer.name, one, report.images) for one in layer.clusters],
        "stay": None if plan is None else list(plan.stay),
        "explained": None
        if plan is None
        else [_explained_dict(layer.name, one, plan) for one in plan.explained],
    }


def _explained_dict(
    layer: str, one: analysis.Explanation, plan: analysis.LayerPlan
) -> dict[str, Any]:
    confirmed = one.filter in plan.confirmed
    return {
        **dataclasses.asdict(one),
        "address": f"{layer}:{one.filter}",
        "by_addresses": [f"{layer}:{filter_}" for filter_ in one.by],
        "verdict": str(analysis.Verdict.CONFIRMED if confirmed else analysis.Verdict.CANDIDATE),
    }


def _cluster_dict(layer: str, one: analysis.ClusterEvidence, images: int) -> dict[str, Any]:
    return {
        **dataclasses.asdict(one),
        "mean_r_95": analysis.fisher_interval(one.mean_r, images),
        "lowest_r_95": analysis.fisher_interval(one.lowest_r, images),
        "addresses": [f"{layer}:{filter_}" for filter_ in one.filters],
        "keep_address": f"{layer}:{one.keep}",
    }


def _layer_of(values: dict[str, Any], level: float) -> LayerReport:
    row = {field.name: values[field.name] for field in dataclasses.fields(analysis.LayerRedundancy)}
    return LayerReport(
        name=values["name"],
        row=analysis.LayerRedundancy(**row),
        clusters=tuple(_cluster_of(one) for one in values["clusters"]),
        plan=_plan_of(level, values["stay"], values["explained"]),
    )


def _plan_of(
    level: float, stay: list[int] | None, explained: list[dict[str, Any]] | None
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


def _cluster_of(values: dict[str, Any]) -> analysis.ClusterEvidence:
    known = {
        field.name: values[field.name] for field in dataclasses.fields(analysis.ClusterEvidence)
    }
    for name in ("filters", "spatial", "examples", "explained"):
        known[name] = tuple(known[name])
    known["verdict"] = analysis.Verdict(known["verdict"])
    return analysis.ClusterEvidence(**known)
