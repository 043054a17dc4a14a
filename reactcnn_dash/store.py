"""A store as arrays and data frames, for notebooks and scripts: `reactcnn_dash.open_store`.

Nothing is written, and every reading sees what is stored at that moment, so that a run can be
looked at while it is collected.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from reactcnn_dash import analysis
from reactcnn_dash.db import Answers, Listing, StoreReader, normalise_url
from reactcnn_dash.results.clusters.graph import cluster_graph
from reactcnn_dash.results.moments import current_moments
from reactcnn_dash.results.naming import column_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    import networkx as nx
    from numpy.typing import NDArray

    from reactcnn_dash.db import ImageFacts, Layer, Run, StoreUrl

_BLOCK = 1024


class Store:
    """The runs of a store.

    Args:
        url: file (text or `pathlib.Path`) or SQLAlchemy URL.
    """

    def __init__(self, url: StoreUrl) -> None:
        self._reader = StoreReader(normalise_url(url))

    def runs(self) -> pd.DataFrame:
        """Return a row a run, newest first, indexed by the run's id.

        ``accuracy`` is NaN for a run without labels, ``mean_error``, the mean absolute error of a
        network of values, for one without targets; times are in UTC, ``ended`` is NaT as long as
        a run goes on. A damaged run is left out, and a warning says so.

        Raises:
            StoreError: the store cannot be read.
        """
        rows: list[dict[str, Any]] = []
        offset = 0
        while (found := self._reader.runs_listed(_BLOCK, offset)) != Listing(()):
            rows.extend(_run_row(run) for run in found.runs)
            offset += len(found.runs) + len(found.damaged)
            for line in found.damaged:
                warnings.warn(line, stacklevel=2)
        columns = list(_run_row_types())
        frame = pd.DataFrame(rows, columns=["id", *columns]).set_index("id")
        return frame.astype(_run_row_types())

    def run(self, run: int | str) -> StoredRun:
        """Return a run by its id, UUID or name (the newest of that name).

        Raises:
            RunNotFound: there is none.
            StoreError: the store cannot be read.
        """
        return StoredRun(self._reader, self._reader.run(run))

    def latest(self) -> StoredRun | None:
        """Return the newest run, ``None`` in a store without runs.

        Raises:
            StoreError: the store cannot be read.
        """
        run = self._reader.latest_run()
        return None if run is None else StoredRun(self._reader, run)


class StoredRun:
    """One run; N images were stored when it was opened, F filters in all tapped layers.

    A filter's address is its layer's name and its index: ``block4_conv2/137``. Methods that read
    raise `StoreError` when the store cannot be read.

    Attributes:
        info: name, checkpoint, counts and times of the run.
        layers: its tapped layers, in the network's order.
        damaged: ordinals of the images of which a damaged value was met so far; it is NaN.
    """

    def __init__(self, reader: StoreReader, run: Run) -> None:
        self._reader = reader
        self.info = run
        self.layers: tuple[Layer, ...] = reader.layers(run.id)
        self.damaged: set[int] = set()

    def __len__(self) -> int:
        return self.info.stored

    def __repr__(self) -> str:
        run = self.info
        return f"<run {run.id} {run.name!r}: {run.stored} images, {len(self.layers)} layers>"

    def layer(self, name: str) -> Layer:
        """Return a layer by its name.

        Raises:
            KeyError: there is none; the text names those that there are.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise KeyError(f"run {self.info.id} has no layer {name!r}; its layers are {names}")

    def addresses(self, layer: str | None = None) -> list[str]:
        """Return the addresses of a layer's filters, or of all, in the order of GAP's columns."""
        layers = self.layers if layer is None else (self.layer(layer),)
        return [column_name(one.name, i) for one in layers for i in range(one.filters)]

    def gap_blocks(
        self, layer: str | None = None, *, start: int = 0, stop: int | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the GAP rows of start ≤ ordinal < stop as (n, F) float32, a block after the other.

        A row that is damaged in the store is NaN, so that rows keep their places.
        """
        only = None if layer is None else self.layer(layer)
        filters = only.filters if only else sum(one.filters for one in self.layers)
        last = self.info.stored if stop is None else min(stop, self.info.stored)
        for first in range(start, last, _BLOCK):
            end = min(first + _BLOCK, last)
            rows = np.full((end - first, filters), np.nan, np.float32)
            for block in self._reader.gap_blocks(self.info.id, first, end, only):
                self.damaged.update(block.damaged)
                if len(block.ordinals):
                    rows[block.ordinals - first] = block.rows
            yield rows

    def gap(
        self, layer: str | None = None, *, start: int = 0, stop: int | None = None
    ) -> NDArray[np.float32]:
        """Return the GAP values of start ≤ ordinal < stop: (N, F) float32; see `gap_blocks`.

        All of VGG-16's filters over 10,000 images are 170 MB.
        """
        blocks = list(self.gap_blocks(layer, start=start, stop=stop))
        return np.concatenate(blocks) if blocks else np.empty((0, len(self.addresses(layer))), "f4")

    def images(self, *, start: int = 0, stop: int | None = None) -> pd.DataFrame:
        """Return a row an image with start ≤ ordinal < stop, indexed by its ordinal.

        Columns: ``label`` and ``label_name`` (missing without a label), ``prediction`` and
        ``prediction_name``, ``confidence`` (the largest probability), ``misclassified`` (missing
        without a label), ``finite``, ``name`` and ``sha256`` of the pixels. A network that names
        no class has −1 for its prediction, and NaN for its confidence. Where images may have
        several labels, ``misclassified`` says that any that is known is wrong.

        A run with targets has ``error`` too: how many labels are wrong, or the mean absolute error
        of the values; and ``target/NAME``, what is right of each label (1 or 0) or value, NaN
        where that is not known.
        """
        names = dict(enumerate(self.info.class_names))
        targets = self.has_targets
        classes = self.info.answers is Answers.CLASSES
        rows = [
            {
                "ordinal": facts.ordinal,
                "label": facts.label,
                "label_name": None if facts.label is None else names.get(facts.label),
                "prediction": facts.prediction,
                "prediction_name": names.get(facts.prediction),
                "confidence": float(np.max(facts.probabilities)) if classes else math.nan,
                "misclassified": facts.misclassified
                if facts.label is None
                else facts.label != facts.prediction or not np.isfinite(facts.probabilities).all(),
                "finite": facts.finite,
                "name": facts.name,
                "sha256": facts.sha256,
                **(self._target_columns(facts) if targets else {}),
            }
            for facts in self._facts(start, stop)
        ]
        types = {
            "label": "Int64",
            "label_name": "str",
            "prediction": "int64",
            "prediction_name": "str",
            "confidence": "float64",
            "misclassified": "boolean",
            "finite": "bool",
            "name": "str",
            "sha256": "str",
        }
        if targets:
            types |= {"error": "float64"}
            types |= dict.fromkeys((f"target/{name}" for name in names.values()), "float32")
        frame = pd.DataFrame(rows, columns=["ordinal", *types]).set_index("ordinal")
        return frame.astype(types)

    @property
    def has_targets(self) -> bool:
        """Whether it is known of any image which labels are right, or what values are due."""
        run = self.info
        return bool(run.error_count or (run.labelled and run.answers is Answers.LABELS))

    def _target_columns(self, facts: ImageFacts) -> dict[str, float]:
        target = facts.target
        values = [math.nan] * len(self.info.class_names)
        error = math.nan
        if target is not None:
            values = target.values.tolist()
            error = math.nan if target.error is None else target.error
        columns = (f"target/{name}" for name in self.info.class_names)
        return {"error": error, **dict(zip(columns, values, strict=True))}

    def targets(self) -> NDArray[np.float32]:
        """Return what is right of every image, (N, K) float32, NaN where it is not known.

        Of a network that gives labels 1 or 0 each, of one that answers with values those that are
        due. A network that names a class has none: see `answers`.
        """
        found = np.full((self.info.stored, len(self.info.class_names)), np.nan, np.float32)
        for facts in self._facts(0, None):
            if facts.target is not None:
                found[facts.ordinal] = facts.target.values
        return found

    def about(self) -> str:
        """Return what the numbers of the network's answers mean, and what −1 and NaN stand for."""
        run = self.info
        head, names = run.options.get("head"), ", ".join(run.class_names)
        told = "" if head is None else f" (--head {head})"
        if run.answers is Answers.NONE:
            return (
                f"The network's answers are not stored{told}: probabilities has no columns, "
                "predictions and labels are -1, confidence is NaN."
            )
        if run.answers is Answers.VALUES:
            return (
                f"The network answers with values{told}: probabilities are the values of {names}, "
                "in the units in which it was trained, NaN where one is not finite. It names no "
                "class: predictions and labels are -1, confidence is NaN. Targets are what is due, "
                "NaN where that is not known; the error of an image is the mean absolute one."
            )
        if run.answers is Answers.LABELS:
            given = ", ".join(
                f"{name} from {threshold:g}"
                for name, threshold in zip(run.class_names, run.thresholds, strict=True)
            )
            return (
                f"The network gives each label by itself{told}: probabilities are one a label, and "
                f"a label is given from its threshold on: {given}. It names no single class: "
                "predictions and labels are -1, confidence is NaN. Targets are 1 for a label that "
                "is right, 0 for one that is not, NaN where that is not known; the error of an "
                "image is how many labels are wrong."
            )
        return (
            f"The network names one of {len(run.class_names)} classes{told}: probabilities are "
            "those of the classes, NaN where one is not finite; predictions are the likeliest "
            "class; labels are the right one, -1 where that is not known."
        )

    def probabilities(self) -> NDArray[np.float32]:
        """Return the class probabilities of every image: (N, K) float32."""
        return self.answers()[2]

    def answers(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Return labels (N,), -1 without one, predictions (N,), and probabilities (N, K)."""
        stored = self.info.stored
        labels, predictions = np.full(stored, -1, np.int64), np.full(stored, -1, np.int64)
        probabilities = np.full((stored, len(self.info.class_names)), np.nan, np.float32)
        for facts in self._facts(0, None):
            labels[facts.ordinal] = -1 if facts.label is None else facts.label
            predictions[facts.ordinal] = facts.prediction
            probabilities[facts.ordinal] = facts.probabilities
        return labels, predictions, probabilities

    def _facts(self, start: int, stop: int | None) -> Iterator[ImageFacts]:
        last = self.info.stored if stop is None else min(stop, self.info.stored)
        for facts in self._reader.image_facts(self.info, start, last):
            if facts.damaged:
                self.damaged.add(facts.ordinal)
            yield facts

    def pixels(self, ordinal: int) -> NDArray[np.uint8]:
        """Return what the network saw of an image: (H, W, C) uint8.

        Raises:
            ImageNotFound: the run has no such image.
        """
        return self._reader.pixels(self.info.uuid, ordinal)

    def feature_maps(self, ordinal: int, layer: str) -> NDArray[np.float32] | None:
        """Return a layer's feature maps for an image: (F, H, W) float32.

        They are stored in 255 steps between a map's least and greatest value; a map that held
        values that are not finite is NaN. ``None`` when they are not, or no longer, kept.

        Raises:
            ImageNotFound: the run has no such image.
            KeyError: no such layer.
        """
        maps = self._reader.feature_maps(self.info.uuid, ordinal, self.layer(layer).position)
        if maps is None:
            # Asked for only now: an image that is not there has no maps either.
            self._reader.image(self.info.id, ordinal)
            return None
        values: NDArray[np.float32] = maps.low[:, None, None] + maps.step[
            :, None, None
        ] * maps.codes.astype(np.float32)
        return values

    def correlation(self, layer: str) -> analysis.Correlation:
        """Return Pearson's r between the filters of a layer over all stored images.

        Raises:
            TooFewImages: fewer images than a correlation needs.
        """
        moments, _ = current_moments(self._reader, self.info.id, self.layer(layer))
        return analysis.correlation(moments)

    def clusters(
        self, layer: str, method: str = analysis.OVERVIEW.key, parameter: float | None = None
    ) -> pd.Series[int]:
        """Return the cluster of each filter of a layer, by address; -1 for constant filters.

        The page's own clusters where they stand in the store over the same images; otherwise
        computed, and not stored.

        Args:
            layer: the layer's name.
            method: key of `reactcnn_dash.analysis.METHODS`.
            parameter: the method's; the one that suits the layer if not given.

        Raises:
            TooFewImages: fewer images than a correlation needs.
            KeyError: no such layer or method.
        """
        labels, _ = self.clustered(layer, method, parameter)
        return labels

    def clustered(
        self, layer: str, method: str = analysis.OVERVIEW.key, parameter: float | None = None
    ) -> tuple[pd.Series[int], analysis.Correlation]:
        """Return what `clusters` and `correlation` return, at the cost of one of them."""
        if method not in analysis.METHODS:
            known = ", ".join(analysis.METHODS)
            raise KeyError(f"no method {method!r} of clustering; there are {known}")
        here = self.layer(layer)
        moments, images = current_moments(self._reader, self.info.id, here)
        correlation = analysis.correlation(moments)
        if parameter is None:
            parameter = analysis.default_parameter(correlation, method)
        stored = self._reader.clustering(self.info.id, here.position, method, parameter, images)
        labels = stored.labels if stored else analysis.cluster(correlation, method, parameter)
        return pd.Series(labels, index=self.addresses(layer), name="cluster"), correlation

    def graph(
        self, layer: str, method: str = analysis.OVERVIEW.key, parameter: float | None = None
    ) -> nx.Graph[str]:
        """Return a layer's cluster graph as the page draws it.

        Nodes are addresses with ``filter`` and ``cluster``; the edges, with ``r``, are the maximum
        spanning tree of each cluster. Raises as `clusters` does.
        """
        labels, correlation = self.clustered(layer, method, parameter)
        edges = analysis.spanning_edges(labels.to_numpy(), correlation.r)
        addresses = self.addresses(layer)
        return cluster_graph(addresses, labels.tolist(), edges, layer=layer, run=self.info.name)


def _run_row(run: Run) -> dict[str, object]:
    return {
        "id": run.id,
        "name": run.name,
        "model": run.checkpoint.model,
        "checkpoint": run.checkpoint.source,
        "image_source": run.image_source,
        "state": str(run.state),
        "precision": run.precision,
        "images": run.stored,
        "accuracy": run.correct / run.labelled if run.labelled else np.nan,
        "mean_error": np.nan if run.mean_error is None else run.mean_error,
        "started": run.created_at,
        "ended": run.ended_at,
        "uuid": run.uuid,
    }


def _run_row_types() -> dict[str, str]:
    return {
        "name": "str",
        "model": "str",
        "checkpoint": "str",
        "image_source": "str",
        "state": "str",
        "precision": "str",
        "images": "int64",
        "accuracy": "float64",
        "mean_error": "float64",
        "started": "datetime64[us, UTC]",
        "ended": "datetime64[us, UTC]",
        "uuid": "str",
    }
