"""The clusters of a layer: from stored statistics, computed once, stored, and kept off the page.

The numerical work runs in a process of its own, so that a poll never waits for it.
"""

from __future__ import annotations

import math
import threading
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.db import (
    Clustering,
    ImageFilter,
    Layer,
    RunState,
    StoreError,
    StoreReader,
    save_clustering,
)
from reactcnn_dash.jobs.process import Background
from reactcnn_dash.results.clusters.subset import Beside, beside
from reactcnn_dash.results.moments import current_moments, subset_moments

if TYPE_CHECKING:
    from concurrent.futures import Future

    from numpy.typing import NDArray

GROWTH = 1.25
"""A clustering of a run that is collected is renewed at this many times its images."""
LEAST_GROWTH = 16
"""The fewest images that are worth a new clustering."""


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
        images: images behind the correlation.
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
    """Clusters with the correlation that they come from, over ``images`` of ``stored`` images."""

    layer: Layer
    parameter: float
    correlation: analysis.Correlation
    labels: NDArray[np.int32]
    images: int
    stored: int


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
        StoreError: the store cannot be read.
    """
    layer = reader.layers(request.run_id)[request.layer]
    collecting = reader.run(request.run_id).state is RunState.COLLECTING
    moments, stored = current_moments(reader, request.run_id, layer)
    correlation = analysis.correlation(moments)
    parameter = request.parameter
    if parameter is None:
        parameter = analysis.default_parameter(correlation, request.method)
    before = reader.clustering(request.run_id, layer.position, request.method, parameter)
    enough = renewed_at(before.images) if before is not None and collecting else stored
    if before is not None and (stored < enough or stored == before.images):
        labels, images = before.labels, before.images
    else:
        labels, images = analysis.cluster(correlation, request.method, parameter), stored
        former = before or _latest(reader, request)
        if former is not None:
            labels = analysis.match_labels(labels, former.labels)
        _store(url, request, parameter, labels, images)
    return Clustered(layer, parameter, correlation, labels, images, stored)


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
    return replace(whole, correlation=correlation, labels=labels, images=images)


def _view(
    request: ClusterRequest, found: Clustered, stored: int, compared: Beside | None = None
) -> ClusterView:
    labels, r = found.labels, found.correlation.r
    return ClusterView(
        request=request,
        layer=found.layer,
        parameter=found.parameter,
        images=found.images,
        labels=labels,
        dead=int(found.correlation.dead.sum()),
        summaries=analysis.summarise(labels, r),
        edges=analysis.spanning_edges(labels, r),
        positions=analysis.start_positions(labels, r),
        stored=stored,
        beside=compared,
    )


def renewed_at(images: int) -> int:
    """Return how many images a run must hold before clusters of ``images`` are computed anew."""
    return max(math.ceil(images * GROWTH), images + LEAST_GROWTH)


def _latest(reader: StoreReader, request: ClusterRequest) -> Clustering | None:
    """Return the layer's newest clustering by the method, whatever its parameter."""
    stored = reader.clusterings(request.run_id, request.layer)
    same = [clustering for clustering in stored if clustering.method == request.method]
    return max(same, key=lambda clustering: clustering.images, default=None)


def _store(
    url: str, request: ClusterRequest, parameter: float, labels: NDArray[np.int32], images: int
) -> None:
    clustering = Clustering(
        layer=request.layer,
        method=request.method,
        parameter=parameter,
        images=images,
        labels=labels,
    )
    try:
        save_clustering(url, request.run_id, clustering)
    except StoreError:
        # A read-only or busy store: the clustering is computed again next time, nothing is lost.
        return


def warm_up() -> None:
    """Import what clustering needs, so that the first click does not wait for it."""
    analysis.cluster(analysis.correlation(analysis.CoMoments.of(np.eye(4))), "louvain", 1.0)


class ClusterService:
    """Answers cluster requests from one background process; identical requests share one answer.

    Args:
        url: the store's URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._process = Background()
        self._running: dict[ClusterRequest, Future[ClusterView]] = {}

    def start(self) -> None:
        """Start the background process ahead of the first request."""
        self._process.submit(warm_up)

    def view(self, request: ClusterRequest) -> ClusterView:
        """Return a layer's clusters; waits for the background process.

        Raises:
            analysis.TooFewImages: fewer images than a correlation needs.
            StoreError: the store cannot be read.
        """
        try:
            return self._submit(request).result()
        except BrokenProcessPool:
            self.close()
            return self._submit(request).result()
        finally:
            with self._lock:
                self._running.pop(request, None)

    def close(self) -> None:
        """Stop the background process."""
        with self._lock:
            self._process.close()
            self._running.clear()

    def _submit(self, request: ClusterRequest) -> Future[ClusterView]:
        with self._lock:
            running = self._running.get(request)
            if running is None:
                running = self._process.submit(cluster_view, self._url, request)
                self._running[request] = running
            return running
