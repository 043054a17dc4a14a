"""A Keras callback that collects a run over the same probe images after each epoch."""

from __future__ import annotations

import dataclasses
import logging
import operator
import time
from typing import TYPE_CHECKING, Any, Self

import keras

from collector.frameworks.agreement import IMAGES, first_images
from collector.frameworks.keras.fitting import Fit, noted_epochs, when_all_have_ended
from collector.frameworks.keras.models import LoadedModel, is_of_values, weights_digest
from collector.frameworks.keras.network import Network, understand
from collector.frameworks.keras.proof import proven_capture
from collector.frameworks.precision import MEASURED, measured, proven_in
from collector.probing import labels_of
from collector.session import check_shape
from collector.watching import Watching
from reactcnn_dash.db import FLOAT32

if TYPE_CHECKING:
    from collector.experiments import Experiment
    from collector.frameworks.protocol import Pixels, Proven
    from collector.images import LabelFit


class ReactCNNCallback(Watching, keras.callbacks.Callback):  # type: ignore[misc] # no types
    """Collects one run a checkpoint while a model is trained.

    The run is called ``EXPERIMENT · epoch N``, after its ``experiment`` and ``epoch``, and holds
    the weights that the model has when Keras comes to this callback at the end of that epoch.
    Epochs count from 1 and go on from one ``fit`` to the next of the same model. Another model
    begins another experiment, ``EXPERIMENT (2)``, also where a tuner copies the callback for each
    of its trials. What the model ends with, once every callback has done with it, is a run
    ``EXPERIMENT · final`` where that is not what was collected last: after
    ``EarlyStopping(restore_best_weights=True)``, say, wherever that stands in the list.

    What goes wrong after training has begun is logged as a warning, once a model, and training
    goes on; later epochs are tried again. Its options are those of
    :class:`collector.watching.Watching`.
    """

    _log = logging.getLogger(__name__)

    def _begin(self) -> None:
        super()._begin()
        self._experiment: Experiment | None = None
        self._watched: _Watched | None = None
        self._fit = Fit()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a callback for another training: the same images and names, and no runs yet."""
        other = super().__deepcopy__(memo)
        other.set_model(None)
        return other

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Start the clock, and look at the model while there is time to mend what is wrong."""
        self._began = time.monotonic() - self._trained
        self._fit = Fit(noted=noted_epochs(self.model))
        experiment = self._experiments.of(self.model, self.model.name)
        if experiment is not self._experiment:
            self._experiment, self.experiment = experiment, experiment.name
            self._watched = None
            self._account.warned = self._account.path_warned = False
        if self.model.built:
            with self._account.guarded(f"watch {self.model.name}"):
                self._watch_model()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Collect a run if it is due."""
        fit, experiment = self._fit, self._experiments.of(self.model, self.model.name)
        if fit.shift is None:
            fit.shift = max(0, experiment.epochs - epoch)
        fit.counted, fit.epoch = epoch + 1, epoch + 1 + fit.shift
        experiment.epochs = fit.epoch
        fit.path = self._account.path_of(self._checkpoint, fit.counted, logs or {})
        fit.weights = self._digest()
        # After the last epoch Keras may average the weights before callbacks are told of the end.
        last = self.model.stop_training or fit.counted == (self.params or {}).get("epochs")
        if last or not fit.epoch % self._every:
            self._try_to_collect(fit.epoch)
        self._trained = time.monotonic() - self._began

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Collect what is left to collect, and log what it all cost."""
        fit = self._fit
        if fit.collected != fit.epoch and self._digest() == fit.weights:
            self._try_to_collect(fit.epoch)
        when_all_have_ended(self.model, fit, self._end)

    def _end(self) -> None:
        fit = self._fit
        if fit.epoch:
            fit.weights = self._digest()
            if fit.weights != fit.stored:
                self._try_to_collect(None)
        self._trained = time.monotonic() - self._began
        self._log.info("%s", self.summary)

    def _digest(self) -> str:
        with self._account.timed():
            return weights_digest(self.model.weights)

    def _try_to_collect(self, epoch: int | None) -> None:
        fit = self._fit
        fit.stored = fit.weights
        if self._account.try_to_collect(epoch, lambda: self._collect(epoch)) is not None:
            fit.collected = fit.epoch

    def _collect(self, epoch: int | None) -> int:
        watched, fit = self._watch_model(), self._fit
        proven = watched.proven
        if proven.against is not None:
            # With the weights of now: those of the beginning say little of them.
            proven = measured(
                proven, watched.network, self._first_images(watched.network, MEASURED)
            )
        return self._collect_as(
            watched.network,
            proven,
            watched.labels,
            sha256=fit.weights,
            path=None if epoch is None else fit.path,
            epoch=epoch,
        )

    def _watch_model(self) -> _Watched:
        """Return what stays the same from epoch to epoch, until the model is given other layers."""
        if self._watched is None or not _same(self._watched.parts, _parts(self.model)):
            self._watched = self._watch()
        return self._watched

    def _first_images(self, network: Network, most: int) -> Pixels:
        return first_images(self._source, network.image_shape, most)

    def _watch(self) -> _Watched:
        model, request = self.model, self._request
        loaded = LoadedModel(
            name=model.name,
            source=str(self.experiment),
            model=model,
            sha256="",
            parameters=model.count_params(),
            class_names=self._class_names or None,
            of_values=is_of_values(getattr(model, "loss", None)),
        )
        network = understand(loaded, self._source.native_shape, request.head)
        check_shape(network.image_shape, request.preprocess)
        labels = labels_of(network, self._source)
        asked, size = request.precision_or_default, request.batch_size_or_default
        pixels = self._first_images(network, IMAGES if asked == FLOAT32 else MEASURED)

        def make(precision: str) -> Proven:
            return proven_capture(
                network,
                pixels,
                pixel_range=request.pixel_range_or_default,
                maps=request.feature_maps_or_default != "none",
                batch_size=size,
                frozen=False,
                precision=precision,
            )

        proven = proven_in(asked, network, make, pixels, size)
        epochs = (self.params or {}).get("epochs") or 1
        self._tell(network, labels, proven, runs=max(1, epochs // self._every))
        return _Watched(network, labels, proven, _parts(model))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Watched:
    """What stays the same from epoch to epoch."""

    network: Network
    labels: LabelFit
    proven: Proven
    parts: list[Any]


def _parts(model: Any) -> list[Any]:
    """Return what is other once a model was given other layers, or its layers other weights.

    Those are its symbolic inputs and outputs, and its variables: LoRA adds some, quantisation
    replaces them.
    """
    inputs, outputs = (getattr(model, name, None) or () for name in ("inputs", "outputs"))
    return [*inputs, *outputs, *model.weights]


def _same(some: list[Any], others: list[Any]) -> bool:
    return len(some) == len(others) and all(map(operator.is_, some, others))
