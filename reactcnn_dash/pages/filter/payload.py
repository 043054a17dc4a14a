"""Everything of a filter that the page shows at once, read from the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reactcnn_dash import analysis
from reactcnn_dash.db import RunState
from reactcnn_dash.errors import UserError
from reactcnn_dash.jobs.cache import Cache
from reactcnn_dash.results.clusters.clustering import (
    ClusterRequest,
    ClusterView,
)
from reactcnn_dash.results.fields import fields_of
from reactcnn_dash.results.filters import facts
from reactcnn_dash.results.filters.sample import Samples
from reactcnn_dash.results.freshness import renewed_at
from reactcnn_dash.results.moments import current_moments

if TYPE_CHECKING:
    from reactcnn_dash.analysis import Correlation
    from reactcnn_dash.db import Layer, Run, StoreReader
    from reactcnn_dash.pages.filter import shapes
    from reactcnn_dash.results.clusters.clustering import Clusterings

MEMBERS: Final = 24
"""Filters of a cluster that are named."""
_MOST_BYTES: Final = 2**25
"""Of all correlations that stay in memory: of one layer of 2,048 filters."""


GOING_ON: Final = {RunState.COLLECTING, RunState.STALLED}
"""The states of a run that may still get images."""


class NoSuchFilter(UserError):
    """The run has no such layer, or the layer no such filter."""


@dataclass(frozen=True, slots=True)
class FilterAddress:
    """One filter of a run; ``layers`` are all of the run."""

    run: Run
    layers: tuple[Layer, ...]
    layer: Layer
    filter: int


def address_of(reader: StoreReader, run: Run, layer: str | None, filter_: int) -> FilterAddress:
    """Return a filter's address.

    Args:
        reader: the store.
        run: the run.
        layer: the layer's name, None for the first.
        filter_: the filter's number.

    Raises:
        NoSuchFilter: there is none of this name or number.
        StoreError: the store cannot be read.
    """
    layers = reader.layers(run.id)
    found = layers[0] if layer is None else next((x for x in layers if x.name == layer), None)
    if found is None:
        names = ", ".join(one.name for one in layers[:4])
        more = " …" if len(layers) > 4 else ""
        raise NoSuchFilter(f"Run {run.id} has no layer {layer!r}. Its layers are {names}{more}")
    if filter_ >= found.filters:
        raise NoSuchFilter(
            f"{found.name} of run {run.id} has {found.filters} filters: 0 to {found.filters - 1}."
        )
    return FilterAddress(run, layers, found, filter_)


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """A layer of a run: how its filters stand, and their correlation if there are images enough."""

    marginals: facts.Marginals
    correlation: Correlation | None

    @property
    def size(self) -> int:
        """Bytes that it takes, but for what grows with the filters alone."""
        return 0 if self.correlation is None else self.correlation.r.nbytes


class FilterFacts:
    """What is known of filters; what a whole layer shares is worked out once.

    Args:
        reader: the store.
        clusters: computes clusters.
    """

    def __init__(self, reader: StoreReader, clusters: Clusterings) -> None:
        self._reader = reader
        self._views = clusters
        self._samples = Samples(reader)
        self._layers: Cache[_Layer] = Cache(_MOST_BYTES, lambda one: one.size)
        self._clusters: Cache[ClusterView] = Cache(16)

    def state(self, at: FilterAddress) -> facts.FilterState:
        """Return how a filter stands over the run.

        Raises:
            StoreError: the store cannot be read.
        """
        return facts.state_of(self._of_layer(at).marginals, at.filter)

    def payload(self, at: FilterAddress) -> shapes.FilterFacts:
        """Return a filter as the page takes it, but for its images, clusters and history.

        Raises:
            StoreError: the store cannot be read.
        """
        sample = self._samples.of(at.run, at.layer)
        before = at.layers[at.layer.position - 1] if at.layer.position else None
        kernel = self._reader.kernel(at.run.id, at.layer.name)
        return {
            "run": _run_payload(at.run),
            "layers": [(one.name, one.filters) for one in at.layers],
            "layer": at.layer.position,
            "filter": at.filter,
            "map": (at.layer.height, at.layer.width),
            "field": fields_of(at.run, at.layers)[at.layer.position],
            "state": self.state(at),
            "classes": facts.classes_payload(sample, at.filter, len(at.run.class_names)),
            "kernel": facts.kernel_payload(kernel, at.filter, before),
            **self._neighbours(at),
        }

    def cluster_payload(self, at: FilterAddress, method: analysis.Method) -> shapes.FilterCluster:
        """Return a filter's cluster by a method with the parameter that suits the layer.

        Raises:
            analysis.TooFewImages: fewer images than a correlation needs.
            StoreError: the store cannot be read.
        """
        key = (at.run.uuid, at.layer.position, method.key)
        request = ClusterRequest(at.run.id, at.layer.position, method.key, None)
        view = self._clusters.of(key, lambda: self._views.view(request), at.run.stored)
        label = int(view.labels[at.filter])
        shown: shapes.FilterCluster = {
            "method": method.label,
            "symbol": method.symbol,
            "parameter": view.parameter,
            "cluster": label,
        }
        if label == analysis.NO_CLUSTER:
            return shown
        summary = next(one for one in view.summaries if one.label == label)
        members = [one for one in summary.filters if one != at.filter]
        return {
            **shown,
            "size": summary.size,
            "meanR": summary.mean_r,
            "lowestR": summary.lowest_r,
            "members": members[:MEMBERS],
        }

    def _of_layer(self, at: FilterAddress) -> _Layer:
        key = (at.run.uuid, at.layer.position)
        return self._layers.of(key, lambda: self._read(at), at.run.stored)

    def _read(self, at: FilterAddress) -> _Layer:
        moments, _ = current_moments(self._reader, at.run.id, at.layer)
        enough = moments.n >= analysis.MINIMUM_IMAGES
        correlation = analysis.correlation(moments) if enough else None
        return _Layer(facts.Marginals.of(moments), correlation)

    def _neighbours(self, at: FilterAddress) -> shapes.Neighbours:
        correlation = self._of_layer(at).correlation
        if correlation is None:
            return {"nearest": [], "opposite": [], "values": []}
        nearest, opposite = facts.neighbours(correlation, at.filter)
        shown = [at.filter, *(one["filter"] for one in nearest + opposite)]
        sample = self._samples.of(at.run, at.layer)
        return {
            "nearest": nearest,
            "opposite": opposite,
            # The filter's own values first, then those of its neighbours in this order.
            "values": facts.points(sample, shown),
        }


def _run_payload(run: Run) -> shapes.FilterRun:
    return {
        "id": run.id,
        "uuid": run.uuid,
        "name": run.name,
        "model": run.checkpoint.model,
        "epoch": run.epoch,
        "stored": run.stored,
        "renewedAt": renewed_at(run.stored) if run.state in GOING_ON else None,
        "labelled": run.labelled,
        "classes": list(run.class_names),
        "answers": run.answers.value,
        "shape": run.image_shape,
    }
