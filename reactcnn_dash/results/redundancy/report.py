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
    """A layer's row and its clusters of two or more filters: confirmed ones, then the tightest."""

    name: str
    row: analysis.LayerRedundancy
    clusters: tuple[analysis.ClusterEvidence, ...]

    @property
    def confirmed(self) -> int:
        """How many filters could go by the clusters that the feature maps confirm."""
        return sum(
            len(one.filters) - 1
            for one in self.clusters
            if one.verdict is analysis.Verdict.CONFIRMED
        )


@dataclass(frozen=True, slots=True)
class RedundancyReport:
    """What is redundant in the network of a run.

    Attributes:
        images: images behind the correlations.
        map_images: images whose feature maps were looked at.
        threshold: τ of the clusters, and what their maps must reach.
        layers: by position.
        left_out: images of the run whose values are damaged or not finite.
    """

    images: int
    map_images: int
    threshold: float
    layers: tuple[LayerReport, ...]
    left_out: int = 0


def build(
    url: str,
    run: Run,
    threshold: float,
    maps: MapEvidence,
    progress: Callable[[int], None] = lambda _done: None,
) -> RedundancyReport:
    """Work out the report of a run from its stored states and what its maps say.

    Its clusters are those that the live page shows by the same method and parameter, with the same
    numbers; they are stored as those are.

    Args:
        url: the store's URL.
        run: the run.
        threshold: τ, see ``analysis.METHODS``.
        maps: what is known of its feature maps.
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
        reports.append(_layer(found, maps, threshold))
        stored = found.stored
        left_out = max(left_out, found.stored - found.correlation.n)
        progress(len(reports))
    return RedundancyReport(stored, len(maps.ordinals), threshold, tuple(reports), left_out)


def _layer(found: Clustered, maps: MapEvidence, threshold: float) -> LayerReport:
    spatial = maps.layers[found.layer.position] if maps.ordinals else None
    judged = analysis.judge(found.correlation, found.labels, spatial, threshold)
    # What is confirmed comes before what is suspected; both the tightest first.
    clusters = sorted(judged, key=lambda one: one.verdict is not analysis.Verdict.CONFIRMED)
    return LayerReport(
        name=found.layer.name,
        row=analysis.redundancy(found.correlation, found.labels),
        clusters=tuple(
            dataclasses.replace(one, examples=tuple(maps.ordinals[i] for i in one.examples))
            for one in clusters
        ),
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
        return f"By GAP values none of {filters:,} filters could go."
    doubles = could_go - constant
    where = f"{clusters:,} cluster{'' if clusters == 1 else 's'}"
    if not doubles:
        why = "they never vary"
    elif not constant:
        why = f"they repeat others, in {where}"
    else:
        why = f"{doubles:,} repeat others, in {where}, and {constant:,} never vary"
    text = f"By GAP values {could_go:,} of {filters:,} filters could go: {why}."
    if not doubles:
        return text
    if not report.map_images:
        return f"{text} No feature maps are stored that could confirm it."
    agree = "1 filter" if confirmed == 1 else f"{confirmed:,} filters"
    return f"Confirmed for {agree} by the feature maps. {text}"


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
        "method": METHOD,
        "threshold": report.threshold,
        "layers": [_layer_dict(layer, report.images) for layer in report.layers],
    }


def from_dict(values: dict[str, Any]) -> RedundancyReport:
    """Return the report that ``as_dict`` made into ``values``."""
    return RedundancyReport(
        images=values["images"],
        map_images=values["map_images"],
        threshold=values["threshold"],
        left_out=values.get("left_out", 0),
        layers=tuple(_layer_of(layer) for layer in values["layers"]),
    )


def _layer_dict(layer: LayerReport, images: int) -> dict[str, Any]:
    return {
        "name": layer.name,
        **dataclasses.asdict(layer.row),
        "confirmed": layer.confirmed,
        "clusters": [_cluster_dict(layer.name, one, images) for one in layer.clusters],
    }


def _cluster_dict(layer: str, one: analysis.ClusterEvidence, images: int) -> dict[str, Any]:
    return {
        **dataclasses.asdict(one),
        "mean_r_95": analysis.fisher_interval(one.mean_r, images),
        "lowest_r_95": analysis.fisher_interval(one.lowest_r, images),
        "addresses": [f"{layer}:{filter_}" for filter_ in one.filters],
        "keep_address": f"{layer}:{one.keep}",
    }


def _layer_of(values: dict[str, Any]) -> LayerReport:
    row = {field.name: values[field.name] for field in dataclasses.fields(analysis.LayerRedundancy)}
    return LayerReport(
        name=values["name"],
        row=analysis.LayerRedundancy(**row),
        clusters=tuple(_cluster_of(one) for one in values["clusters"]),
    )


def _cluster_of(values: dict[str, Any]) -> analysis.ClusterEvidence:
    known = {
        field.name: values[field.name] for field in dataclasses.fields(analysis.ClusterEvidence)
    }
    for name in ("filters", "spatial", "examples"):
        known[name] = tuple(known[name])
    known["verdict"] = analysis.Verdict(known["verdict"])
    return analysis.ClusterEvidence(**known)
