"""A Keras callback that collects a run over the same probe images after each epoch."""

from __future__ import annotations

import copy
import dataclasses
import logging
import operator
import time
from typing import TYPE_CHECKING, Any, Self

import keras

from collector.callback_options import (
    CheckpointPath,
    checked_count,
    checked_names,
    checked_request,
    checked_values,
)
from collector.experiments import Experiment, Experiments
from collector.frameworks.agreement import IMAGES, first_images
from collector.frameworks.keras.fitting import Fit, noted_epochs, when_all_have_ended
from collector.frameworks.keras.models import LoadedModel, is_of_values, weights_digest
from collector.frameworks.keras.network import Network, understand
from collector.frameworks.keras.proof import proven_capture
from collector.frameworks.precision import MEASURED, measured, proven_in
from collector.images.probe import open_probe
from collector.probing import Account, collect_run, labels_of, run_name, say, tell_of_space
from collector.session import check_preprocess
from reactcnn_dash.db import FLOAT32

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike

    from numpy.typing import ArrayLike

    from collector.frameworks.protocol import Pixels, Proven
    from collector.images import LabelFit
    from reactcnn_dash.db import StoreUrl

_log = logging.getLogger(__name__)


class ReactCNNCallback(keras.callbacks.Callback):  # type: ignore[misc] # keras has no types
    """Collects one run a checkpoint while a model is trained.

    The run is called ``EXPERIMENT · epoch N``, after its ``experiment`` and ``epoch``, and holds
    the weights that the model has when Keras comes to this callback at the end of that epoch.
    Epochs count from 1 and go on from one ``fit`` to the next of the same model. Another model
    begins another experiment, ``EXPERIMENT (2)``, also where a tuner copies the callback for each
    of its trials. What the model ends with, once every callback has done with it, is a run
    ``EXPERIMENT · final`` where that is not what was collected last: after
    ``EarlyStopping(restore_best_weights=True)``, say, wherever that stands in the list.

    What goes wrong after training has begun is logged as a warning, once a model, and training
    goes on; later epochs are tried again.

    Args:
        store: file or SQLAlchemy URL of the store; made if it does not exist.
        probe_images: an array of images (N, H, W, C), grey ones (N, H, W) or one (H, W, C), of
            numbers as ``--images`` takes them in an ``.npz``; a path that ``--images`` takes; or a
            ``tf.data.Dataset``, ``keras.utils.PyDataset`` or generator of batches, with labels or
            without. A generator is used up by that.
        probe_labels: (N,) integers, -1 for none; (N, K) zeros and ones, of a model of labels; or
            the values that are due of one of values. Only with an array of images.
        probe: how many images at most: drawn evenly over the classes of an array or path (default:
            all), the first of a data set or generator (default: 1,000).
        value_range: the values that are black and white in the probe images (default: judged by
            the values, refused if they can be read in several ways).
        reading: how pictures of a folder are read: ``pillow`` or ``keras``, as
            ``keras.utils.image_dataset_from_directory`` reads them.
        every: epochs from one run to the next. The last epoch of a ``fit`` is collected in any
            case.
        experiment: what the runs have in common (default: the model's name and the time).
        class_names: names of the model's outputs.
        pixel_range: what the model wants pixel values to be: ``0-255`` (the default), ``0-1`` or
            ``-1-1``.
        preprocess: what is done to pixels instead: ``imagenet``, or the module of Keras whose
            ``preprocess_input`` the model wants, such as ``keras.applications.resnet``.
        head: what the model ends in: ``softmax``, ``logits``, ``sigmoid``, ``regression`` or
            ``none``, whose outputs are not stored (default: judged).
        threshold: from which probability on each label is given, one for all or one a label, of a
            model of independent labels (default: 0.5).
        feature_maps: ``all``, ``none`` or ``last:N``; whose feature maps each run keeps. They cost
            200 KB an image of VGG-16 and a third of the time.
        precision: what convolutions and dense layers multiply: ``float32`` (the default),
            ``bfloat16``, or ``auto``, which tries which is faster when a model is first looked at.
            What bfloat16 costs is measured with the weights of each run and kept with it.
        batch_size: images computed at a time.
        checkpoint: path of the file that holds an epoch's weights, if the training saves them, as
            ``ModelCheckpoint`` takes it: ``"{epoch:02d}-{val_loss:.2f}.keras"``. Stored as the
            checkpoint's source.

    Attributes:
        experiment: the experiment's name, ``None`` until the model is known.

    Raises:
        TypeError: an argument is of a type that it cannot have.
        ValueError: an argument is out of range.
        ImageSourceError: the probe images cannot be opened.
        StoreError: no run can be stored at that place.
    """

    def __init__(
        self,
        store: StoreUrl,
        probe_images: ArrayLike | str | PathLike[str] | Iterable[Any],
        *,
        probe_labels: ArrayLike | None = None,
        probe: int | None = None,
        value_range: tuple[float, float] | None = None,
        reading: str | None = None,
        every: int = 1,
        experiment: str | None = None,
        class_names: Sequence[str] = (),
        pixel_range: str | None = None,
        preprocess: str | None = None,
        head: str | None = None,
        threshold: float | Sequence[float] | None = None,
        feature_maps: str = "none",
        precision: str | None = None,
        batch_size: int = 64,
        checkpoint: str | PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        self._every = checked_count("every", every)
        self._request = checked_request(
            store,
            experiment=experiment,
            pixel_range=pixel_range,
            preprocess=preprocess,
            feature_maps=feature_maps,
            batch_size=batch_size,
            probe=probe,
            reading=reading,
            value_range=value_range,
            head=head,
            threshold=threshold,
            precision=precision,
        )
        self._checkpoint = None if checkpoint is None else CheckpointPath(checkpoint)
        self._class_names = checked_names(class_names)
        self._source = open_probe(
            probe_images,
            probe_labels,
            self._class_names,
            most=self._request.limit,
            reading=reading,
            value_range=checked_values(value_range),
        )
        self._experiments = Experiments(experiment)
        self._begin()

    def _begin(self) -> None:
        """Forget every training, but not which model belongs to which experiment."""
        self._experiment: Experiment | None = None
        self._watched: _Watched | None = None
        self._fit = Fit()
        self._account = Account(_log)
        self._trained = self._began = 0.0
        self.experiment = self._experiments.name

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a callback for another training: the same images and names, and no runs yet."""
        other = copy.copy(self)
        other.set_model(None)
        other._begin()
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

    @property
    def summary(self) -> str:
        """One line: runs, seconds spent on them, their share of the training."""
        return self._account.summary(self._trained or time.monotonic() - self._began)

    @property
    def seconds(self) -> float:
        """Time spent here since the first training began."""
        return self._account.seconds

    @property
    def runs(self) -> list[int]:
        """Ids of the runs collected, in their order."""
        return self._account.runs

    @property
    def failures(self) -> int:
        """How many runs could not be collected."""
        return self._account.failures

    def _end(self) -> None:
        fit = self._fit
        if fit.epoch:
            fit.weights = self._digest()
            if fit.weights != fit.stored:
                self._try_to_collect(None)
        self._trained = time.monotonic() - self._began
        _log.info("%s", self.summary)

    def _digest(self) -> str:
        begun = time.monotonic()
        try:
            return weights_digest(self.model.weights)
        finally:
            self._account.seconds += time.monotonic() - begun

    def _try_to_collect(self, epoch: int | None) -> None:
        fit = self._fit
        fit.collected, fit.stored = fit.epoch, fit.weights
        account = self._account
        before = len(account.runs)
        with account.guarded(
            "collect the final weights" if epoch is None else f"collect epoch {epoch}"
        ):
            account.runs.append(self._collect(epoch))
        account.failures += len(account.runs) == before

    def _collect(self, epoch: int | None) -> int:
        watched, fit = self._watch_model(), self._fit
        name = run_name(self.experiment, epoch)
        source = name if epoch is None else fit.path or name
        loaded = dataclasses.replace(watched.network.loaded, sha256=fit.weights, source=source)
        proven = watched.proven
        if proven.against is not None:
            # With the weights of now: those of the beginning say little of them.
            proven = measured(
                proven, watched.network, self._first_images(watched.network, MEASURED)
            )
        return collect_run(
            self._request,
            dataclasses.replace(watched.network, loaded=loaded),
            proven,
            self._source,
            watched.labels,
            experiment=self.experiment,
            epoch=epoch,
        )

    def _watch_model(self) -> _Watched:
        """Return what stays the same from epoch to epoch, until the model is given other layers."""
        if self._watched is None or not _same(self._watched.ends, _ends(self.model)):
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
        check_preprocess(request, network.image_shape[2])
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
        given = request.preprocess or request.pixel_range
        say(_log, network, self._source, labels, proven, given=given)
        epochs = (self.params or {}).get("epochs") or 1
        tell_of_space(
            _log, request, network, self._source, proven, runs=max(1, epochs // self._every)
        )
        return _Watched(network, labels, proven, _ends(model))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Watched:
    """What stays the same from epoch to epoch."""

    network: Network
    labels: LabelFit
    proven: Proven
    ends: list[Any]


def _ends(model: Any) -> list[Any]:
    """Return a model's symbolic inputs and outputs: others, once it is given other layers."""
    return [*(getattr(model, "inputs", None) or ()), *(getattr(model, "outputs", None) or ())]


def _same(some: list[Any], others: list[Any]) -> bool:
    return len(some) == len(others) and all(map(operator.is_, some, others))
