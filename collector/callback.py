"""A Keras callback that collects a run over the same probe images after each epoch."""

from __future__ import annotations

import dataclasses
import logging
import re
import time
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from collector import loop
from collector.capture import PIXEL_RANGES
from collector.errors import CollectorError
from collector.images import ImageSourceError, fit_labels, open_images
from collector.images.arrays import ArrayImages
from collector.models import LoadedModel, weights_digest
from collector.network import Network, understand
from collector.progress import Silent
from collector.proof import first_images, proven_capture
from collector.request import DEFAULT_PIXEL_RANGE, Request
from collector.session import image_bytes, new_run
from collector.signals import StopSignals
from collector.statistics import Statistics
from reactcnn_dash.db import RunWriter, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from numpy.typing import ArrayLike

    from collector.capture import Capture
    from collector.images import ImageSource, LabelFit

_log = logging.getLogger(__name__)
_FORESEEN = (CollectorError, ImageSourceError, StoreError)


class ReactCNNCallback(keras.callbacks.Callback):  # type: ignore[misc] # keras has no types
    """Collects one run a checkpoint while a model is trained.

    The run is called ``EXPERIMENT · epoch N``, after its ``experiment`` and ``epoch``.
    Epochs count from 1. What goes wrong after training has begun is logged as a warning, once, and
    training goes on; later epochs are tried again.

    Args:
        store: file or SQLAlchemy URL of the store; made if it does not exist.
        probe_images: (N, H, W, C) uint8, or what ``--images`` takes.
        probe_labels: (N,) integers, -1 for none; only with an array of images.
        every: epochs from one run to the next. The last epoch is collected in any case, with the
            weights that the model has when training ends.
        experiment: what the runs have in common (default: the model's name and the time).
        class_names: names of the model's outputs.
        pixel_range: what the model wants pixel values to be: ``0-255``, ``0-1`` or ``-1-1``.
        feature_maps: ``all``, ``none`` or ``last:N``; whose feature maps each run keeps. They cost
            200 KB an image of VGG-16 and a third of the time.
        batch_size: images computed at a time.
        checkpoint: path of the file that holds an epoch's weights, with ``{epoch}`` in it, if the
            training saves them; stored as the checkpoint's source.

    Attributes:
        seconds: time spent here since training began.
        runs: ids of the runs collected, in their order.
        failures: how many runs could not be collected.
        experiment: the experiment's name, ``None`` until the model is known.

    Raises:
        ValueError: an argument is out of range.
        ImageSourceError: the probe images cannot be opened.
    """

    def __init__(
        self,
        store: str | PathLike[str],
        probe_images: ArrayLike | str | PathLike[str],
        *,
        probe_labels: ArrayLike | None = None,
        every: int = 1,
        experiment: str | None = None,
        class_names: Sequence[str] = (),
        pixel_range: str = DEFAULT_PIXEL_RANGE,
        feature_maps: str = "none",
        batch_size: int = 64,
        checkpoint: str | None = None,
    ) -> None:
        super().__init__()
        if every < 1 or batch_size < 1:
            raise ValueError(f"every ({every}) and batch_size ({batch_size}) must be 1 or more.")
        if pixel_range not in PIXEL_RANGES:
            raise ValueError(f"pixel_range is {pixel_range!r}; it is one of {[*PIXEL_RANGES]}.")
        if not re.fullmatch(r"all|none|last:[1-9][0-9]{0,8}", feature_maps):
            raise ValueError(f"feature_maps is {feature_maps!r}; give 'all', 'none' or 'last:N'.")
        self._request = Request(
            store=str(store),
            pixel_range=pixel_range,
            batch_size=batch_size,
            feature_maps=feature_maps,
        )
        self._class_names = tuple(class_names)
        self._source = _probe(probe_images, probe_labels, self._class_names)
        self._every = every
        self._checkpoint = checkpoint
        self._watched: _Watched | None = None
        self._epoch = self._collected = 0
        self._began = time.monotonic()
        self._training = 0.0
        self.experiment = experiment
        self.seconds = 0.0
        self.runs: list[int] = []
        self.failures = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Start the clock."""
        self._began = time.monotonic()
        self._watched = None
        self._epoch = self._collected = 0
        self.seconds, self.runs, self.failures = 0.0, [], 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Collect a run if it is due."""
        self._epoch = epoch + 1
        if not self._epoch % self._every:
            self._try_to_collect()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Collect the last epoch if that has not been done, and log what it all cost."""
        if self._epoch != self._collected:
            self._try_to_collect()
        self._training = time.monotonic() - self._began
        _log.info("%s", self.summary)

    @property
    def summary(self) -> str:
        """One line: runs, seconds spent on them, their share of the training."""
        training = self._training or time.monotonic() - self._began
        failed = f", {self.failures} could not be stored" if self.failures else ""
        runs = "1 run" if len(self.runs) == 1 else f"{len(self.runs)} runs"
        return (
            f"ReactCNN: {runs} collected{failed}; {self.seconds:.1f} s, "
            f"{self.seconds / max(training, 1e-9):.1%} of the training."
        )

    def _try_to_collect(self) -> None:
        begun = time.monotonic()
        self._collected = self._epoch
        try:
            self.runs.append(self._collect())
        except Exception as error:  # noqa: BLE001 - a training of days must not end for a probe
            self.failures += 1
            if self.failures == 1:
                _log.warning("%s", self._complaint(error))
        finally:
            self.seconds += time.monotonic() - begun

    def _complaint(self, error: Exception) -> str:
        text = " ".join(str(error).split())
        if not isinstance(error, _FORESEEN):
            text = f"{type(error).__name__}: {text}"
        return (
            f"ReactCNN could not collect epoch {self._epoch} ({text.rstrip('.')}); training goes "
            "on, and later failures are only counted."
        )

    def _collect(self) -> int:
        if self._watched is None:
            self._watched = self._watch()
        watched, request = self._watched, self._request
        name = f"{self.experiment} · epoch {self._epoch}"
        source = self._checkpoint.format(epoch=self._epoch) if self._checkpoint else name
        loaded = dataclasses.replace(
            watched.network.loaded, sha256=weights_digest(self.model.weights), source=source
        )
        network = dataclasses.replace(watched.network, loaded=loaded)
        new = new_run(
            dataclasses.replace(request, name=name),
            network,
            self._source,
            arithmetic=watched.capture.arithmetic,
        )
        new = dataclasses.replace(new, experiment=self.experiment, epoch=self._epoch)
        work = loop.Work(
            source=self._source,
            position=0,
            labels=watched.labels,
            capture=watched.capture,
            image_bytes=image_bytes(network, new),
            statistics=Statistics(new.layers),
            limit=None,
            pace=None,
        )
        with closing(RunWriter.begin(request.store, new)) as writer:
            # Signals that are never listened to: they belong to whoever trains.
            loop.collect(work, writer, signals=StopSignals(), progress=Silent())
            return writer.run.id

    def _watch(self) -> _Watched:
        model, request = self.model, self._request
        if self.experiment is None:
            self.experiment = f"{model.name} {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"
        loaded = LoadedModel(
            name=model.name,
            source=self.experiment,
            model=model,
            sha256="",
            parameters=model.count_params(),
            class_names=self._class_names or None,
        )
        network = understand(loaded, self._source.native_shape)
        self._source.check(network.image_shape)
        labels = fit_labels(self._source, network.outputs, loaded.class_names)
        proven = proven_capture(
            network,
            first_images(self._source, network.image_shape),
            pixel_range=request.pixel_range_or_default,
            maps=request.feature_maps_or_default != "none",
            batch_size=request.batch_size_or_default,
            frozen=False,
        )
        for line in (
            *network.notices,
            *([labels.notice] if labels.notice else []),
            *proven.notices,
        ):
            _log.info("%s", line)
        return _Watched(network, labels, proven.capture)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Watched:
    """What stays the same from epoch to epoch."""

    network: Network
    labels: LabelFit
    capture: Capture


def _probe(
    images: ArrayLike | str | PathLike[str],
    labels: ArrayLike | None,
    class_names: tuple[str, ...],
) -> ImageSource:
    if isinstance(images, str) or hasattr(images, "__fspath__"):
        if labels is not None:
            raise ValueError("probe_labels go with an array of images; a path has its own labels.")
        return open_images(str(images))
    pixels = np.asarray(images)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or not pixels.size:
        raise ValueError(
            f"probe_images is {pixels.dtype} of shape {pixels.shape}; it has to be uint8, "
            "(n, height, width, channels), and not empty."
        )
    numbers = None
    if labels is not None:
        numbers = np.asarray(labels).reshape(-1).astype(np.int64)
        if len(numbers) != len(pixels) or numbers.min() < -1:
            raise ValueError(
                f"probe_labels are {len(numbers)} for {len(pixels)} images, from {numbers.min()}; "
                "one an image is needed, -1 for none."
            )
        if class_names and numbers.max() >= len(class_names):
            raise ValueError(
                f"probe_labels go up to {numbers.max()} for {len(class_names)} class_names."
            )
    # The training may go on with its array; the probe must stay what it is.
    pixels = pixels.copy()
    return ArrayImages(
        pixels, numbers, class_names or None, spec="probe images", description="probe images"
    )
