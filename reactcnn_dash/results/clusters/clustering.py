"""The clusters of a layer: from stored statistics, computed once, stored, and kept off the page.

The numerical work runs in a process of its own, so that a poll never waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.db import (
    Clustering,
    ImageFilter,
    Layer,
    RunNotFound,
    StoreReader,
    save_clustering,
)
from reactcnn_dash.jobs.kept import found_or_computed
from reactcnn_dash.results.clusters.subset import Beside, beside
from reactcnn_dash.results.freshness import may_stand, renewed_at
from reactcnn_dash.results.moments import MOST_CHOSEN, current_moments, subset_moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.jobs.runner import Jobs


@dataclass(frozen=True, slots=True)
class ClusterRequest:
    """A layer's clusters by one method; without a parameter, by the one that suits the layer.

    With a ``subset`` the correlation is that over these images of the run alone.
    """

    run_id: int
    layer: int
    method: str
    parameter: float | None
    subset: ImageFilter | None = None


@dataclass(frozen=True, slots=True)
class ClusterView:
    """Everything the cluster panel shows of one layer.

    Attributes:
        request: what was asked for.
        layer: the layer.
        parameter: the method's parameter, chosen where none was asked for.
        images: images behind the correlation: those chosen, or a sample of them.
        chosen: images that were chosen; those of the run where none were.
        labels: ``(F,)`` int32 cluster of each filter, −1 for constant filters.
        dead: filters that were 0 on every image.
        summaries: the clusters, tightest first.
        edges: maximum spanning tree inside each cluster: filter, filter, r.
        positions: ``(F, 2)`` start positions of the nodes.
        stored: images that the run held; more than ``images`` for a subset.
        beside: the clusters of the whole run beside those of a subset; None for the whole run.
    """

    request: ClusterRequest
    layer: Layer
    parameter: float
    images: int
    chosen: int
    labels: NDArray[np.int32]
    dead: int
    summaries: tuple[analysis.ClusterSummary, ...]
    edges: tuple[tuple[int, int, float], ...]
    positions: NDArray[np.float64]
    stored: int
    beside: Beside | None = None

    @property
    def renewed_at(self) -> int:
        """How many images a run that is collected must hold before it is clustered anew."""
        return renewed_at(self.stored)


@dataclass(frozen=True, slots=True)
class Clustered:
    """Clusters with the correlation that they come from, over ``images`` of ``stored`` images.

    The correlation is over a sample where ``images`` are more than ``sampled``.
    """

    layer: Layer
    parameter: float
    correlation: analysis.Correlation
    labels: NDArray[np.int32]
    images: int
    stored: int
    sampled: int | None = None


def cluster_view(url: str, request: ClusterRequest) -> ClusterView:
    """Return a layer's clusters, from the store where they are recent enough, else computed anew.

    A new clustering keeps the numbers of the one before it (``analysis.match_labels``) and is
    stored. A store that cannot be written to costs the stored copy, not the answer. A subset's
    clusters are computed every time: there is no end to subsets, and a store should not grow with
    how often it is looked at.

    Raises:
        analysis.TooFewImages: fewer images than a correlation needs.
        StoreError: the store cannot be read.
    """
    reader = StoreReader(url)
    whole = whole_run(reader, url, request)
    if request.subset is None:
        return _view(request, whole, whole.images)
    part = _subset(reader, request, request.subset, whole)
    summaries = [analysis.summarise(one.labels, one.correlation.r) for one in (part, whole)]
    compared = beside(part.labels, summaries[0], whole.labels, summaries[1], whole.images)
    return _view(request, part, whole.stored, compared)


def whole_run(reader: StoreReader, url: str, request: ClusterRequest) -> Clustered:
    """Return a layer's clusters over the whole run, from the store or anew, and stored then.

    Raises:
        analysis.TooFewImages: fewer images than a correlation needs.
        RunNotFound: there is no such run, or it has no such layer.
        StoreError: the store cannot be read.
    """
    run, layers = reader.run(request.run_id), reader.layers(request.run_id)
    if not 0 <= request.layer < len(layers):
        raise RunNotFound(f"run {run.id} has no layer {request.layer}: it has {len(layers)}")
    layer = layers[request.layer]
    moments, stored = current_moments(reader, run.id, layer)
    correlation = analysis.correlation(moments)
    method, parameter = request.method, request.parameter
    if parameter is None:
        parameter = analysis.default_parameter(correlation, method)
    before = reader.clustering(run.id, layer.position, method, parameter)

    def find() -> Clustering | None:
        return before if before is not None and may_stand(run, before.images) else None

    def compute() -> Clustering:
        labels = analysis.cluster(correlation, method, parameter)
        former = before or _latest(reader, request)
        if former is not None:
            labels = analysis.match_labels(labels, former.labels)
        return Clustering(layer.position, method, parameter, stored, labels)

    found = found_or_computed(find, compute, lambda made: save_clustering(url, run.id, made))
    return Clustered(layer, parameter, correlation, found.labels, found.images, stored)


def _subset(
    reader: StoreReader, request: ClusterRequest, subset: ImageFilter, whole: Clustered
) -> Clustered:
    """Cluster over chosen images with the whole run's parameter, so that only the images differ.

    A cluster has the number of the whole run's that it continues.
    """
    moments, images = subset_moments(reader, request.run_id, whole.layer, subset)
    correlation = analysis.correlation(moments)
    labels = analysis.cluster(correlation, request.method, whole.parameter)
    labels = analysis.match_labels(labels, whole.labels)
    sampled = min(images, MOST_CHOSEN) if images < whole.stored else None
    return replace(whole, correlation=correlation, labels=labels, images=images, sampled=sampled)


def _view(
    request: ClusterRequest, found: Clustered, stored: int, compared: Beside | None = None
) -> ClusterView:
    labels, r = found.labels, found.correlation.r
    return ClusterView(
        request=request,
        layer=found.layer,
        parameter=found.parameter,
        images=found.images if found.sampled is None else found.sampled,
        chosen=found.images,
        labels=labels,
        dead=int(found.correlation.dead.sum()),
        summaries=analysis.summarise(labels, r),
        edges=analysis.spanning_edges(labels, r),
        positions=analysis.start_positions(labels, r),
        stored=stored,
        beside=compared,
    )


def _latest(reader: StoreReader, request: ClusterRequest) -> Clustering | None:
    """Return the layer's newest clustering by the method, whatever its parameter."""
    stored = reader.clusterings(request.run_id, request.layer)
    same = [clustering for clustering in stored if clustering.method == request.method]
    return max(same, key=lambda clustering: clustering.images, default=None)


def warm_up() -> None:
    """Import what clustering needs, so that the first click does not wait for it."""
    some = analysis.correlation(analysis.CoMoments.of(np.eye(4)))
    for method in analysis.METHODS.values():
        analysis.cluster(some, method.key, method.default)


class Clusterings:
    """Gives the clusters of layers, as fast as a click wants them.

    Args:
        url: the store's URL.
        jobs: compute them; who asks for the same at the same time gets the same answer.
    """

    def __init__(self, url: str, jobs: Jobs) -> None:
        self._url = url
        self._jobs = jobs

    def view(self, request: ClusterRequest) -> ClusterView:
        """Return a layer's clusters; waits for them.

        Raises:
            WorkLost: the worker process ended.
            analysis.TooFewImages: fewer images than a correlation needs.
            StoreError: the store cannot be read.
        """
        return self._jobs.wait(request, cluster_view, self._url, request)
