"""What watches a training, whatever framework trains: its options, and what it collected."""

from __future__ import annotations

import copy
import dataclasses
import time
from typing import TYPE_CHECKING, Any, ClassVar, Self

from collector.callback_options import (
    CheckpointPath,
    checked_count,
    checked_names,
    checked_request,
    checked_values,
)
from collector.experiments import Experiments
from collector.images.probe import open_probe
from collector.probing import Account, collect_run, run_name, say, tell_of_space
from reactcnn_dash.db import warnings_of

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Sequence
    from os import PathLike

    from numpy.typing import ArrayLike

    from collector.frameworks.protocol import Proven
    from collector.images import LabelFit
    from reactcnn_dash.db import StoreUrl


class Watching:
    """Collects runs over the same probe images while a model is trained.

    Attributes:
        experiment: what the runs have in common, ``None`` until the model is known.
    """

    _log: ClassVar[logging.Logger]
    experiment: str | None

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
        """Check the options and open the images.

        Args:
            store: file or SQLAlchemy URL of the store; made if it does not exist.
            probe_images: an array of images (N, H, W, C), grey ones (N, H, W) or one (H, W, C), of
                numbers as ``--images`` takes them in an ``.npz``; a path that ``--images`` takes;
                or a ``tf.data.Dataset``, ``keras.utils.PyDataset`` or an iterable of batches, with
                labels or without. A generator is used up by that.
            probe_labels: (N,) integers, -1 for none; (N, K) zeros and ones, of a model of labels;
                or the values that are due of one of values. Only with an array of images.
            probe: how many images at most: drawn evenly over the classes of an array or path
                (default: all), the first of a data set or generator, batches from all over a
                ``PyDataset`` (default: 1,000).
            value_range: the values that are black and white in the probe images (default: judged
                by the values, refused if they can be read in several ways).
            reading: how pictures of a folder are read: ``pillow`` or ``keras``, as
                ``keras.utils.image_dataset_from_directory`` reads them.
            every: epochs from one run to the next. The last epoch of a Keras ``fit`` is collected
                in any case.
            experiment: what the runs have in common (default: the model's name and the time).
            class_names: names of the model's outputs.
            pixel_range: what the model wants pixel values to be: ``0-255`` (the default), ``0-1``
                or ``-1-1``.
            preprocess: what is done to pixels instead: ``imagenet``, or the module of Keras whose
                ``preprocess_input`` the model wants, such as ``keras.applications.resnet``.
            head: what the model ends in: ``softmax``, ``logits``, ``sigmoid``, ``regression`` or
                ``none``, whose outputs are not stored (default: judged).
            threshold: from which probability on each label is given, one for all or one a label,
                of a model of independent labels (default: 0.5).
            feature_maps: ``all``, ``none`` or ``last:N``; whose feature maps each run keeps. They
                cost 200 KB an image of VGG-16 and a third of the time.
            precision: what convolutions and dense layers multiply: ``float32`` (the default),
                ``bfloat16``, or ``auto``, which tries which is faster when a model is first looked
                at. What bfloat16 costs is measured with the weights of each run and kept with it.
            batch_size: images computed at a time.
            checkpoint: path of the file that holds an epoch's weights, if the training saves them,
                as ``ModelCheckpoint`` takes it: ``"{epoch:02d}-{val_loss:.2f}.keras"``. Stored as
                the checkpoint's source.

        Raises:
            TypeError: an argument is of a type that it cannot have.
            ValueError: an argument is out of range.
            ImageSourceError: the probe images cannot be opened.
            StoreError: no run can be stored at that place.
        """
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
        self._account = Account(self._log)
        self._began, self._trained = time.monotonic(), 0.0
        self.experiment = self._experiments.name

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return one for another training: the same images and names, and no runs yet."""
        other = copy.copy(self)
        other._begin()
        return other

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

    def _collect_as(
        self,
        network: Any,
        proven: Proven,
        labels: LabelFit,
        *,
        sha256: str,
        path: str | None,
        epoch: int | None,
    ) -> int:
        """Collect a run of the weights with this digest, which an epoch may have saved in a file.

        Args:
            network: what runs, a dataclass as ``protocol.Network`` describes it.
            proven: what runs, ready.
            labels: how the labels of the probe images become classes.
            sha256: the digest.
            path: the file, where it is known.
            epoch: how many epochs were trained; ``None`` for the final weights.
        """
        source = path or run_name(self.experiment, epoch)
        loaded = dataclasses.replace(network.loaded, sha256=sha256, source=source)
        return collect_run(
            self._request,
            dataclasses.replace(network, loaded=loaded),
            proven,
            self._source,
            labels,
            experiment=self.experiment,
            epoch=epoch,
        )

    def _tell(self, network: Any, labels: LabelFit, proven: Proven, *, runs: int) -> None:
        """Log what the user should know of a network, its images, and so many runs to come."""
        given = self._request.preprocess or self._request.pixel_range
        say(self._log, network, self._source, labels, proven, given=given)
        tell_of_space(self._log, self._request, network, self._source, proven, runs=runs)
        for line in warnings_of(self._request.store):
            self._log.warning("ReactCNN: %s", line)
