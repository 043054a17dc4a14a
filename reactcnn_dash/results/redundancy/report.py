"""The redundancy report of a run: a row a layer, and every cluster with its evidence."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
