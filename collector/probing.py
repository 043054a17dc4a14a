"""Runs over the probe images of a training, whatever framework trains."""

from __future__ import annotations

import dataclasses
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from collector import loop
from collector.errors import CollectorError
from collector.frameworks.precision import line_of
from collector.images import ImageSourceError
from collector.progress import Silent
from collector.session import labels_for, new_run, pixel_range_hint
from collector.signals import StopSignals
from collector.space import image_bytes, space_notice
from collector.statistics import Statistics
from reactcnn_dash.db import RunWriter, StoreError
from reactcnn_dash.results.text import percent_text

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping

    from collector.callback_options import CheckpointPath
    from collector.frameworks.protocol import Network, Proven
    from collector.images import ImageSource, LabelFit
    from collector.request import Request

_FORESEEN = (CollectorError, ImageSourceError, StoreError)


@dataclasses.dataclass(slots=True, eq=False)
class Account:
    """What collecting beside a training came to.

    Attributes:
        log: where warnings go.
        seconds: time that it took.
        runs: ids of the runs collected, in their order.
        failures: how many could not be.
        missed: the epoch that was tried last and could not be, if any.
        warned: whether a failure was said already; later ones are only counted.
        path_warned: the same of a path that cannot be filled in.
    """

    log: logging.Logger
    seconds: float = 0.0
    runs: list[int] = dataclasses.field(default_factory=list)
    failures: int = 0
    missed: int | None = None
    warned: bool = False
    path_warned: bool = False

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count the time of a block, also when it fails."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - begun

    @contextmanager
    def guarded(self, attempt: str) -> Iterator[None]:
        """Take the time of an attempt; a training of days must not end for a probe."""
        with self.timed():
            try:
                yield
            except Exception as error:  # noqa: BLE001 - whatever it is, training goes on
                if not self.warned:
                    self.warned = True
                    self.log.warning("%s", _complaint(attempt, error))

    def try_to_collect(self, epoch: int | None, collect: Callable[[], int]) -> int | None:
        """Collect an epoch's run, or that of the final weights; return its id.

        ``None`` if it failed, which is counted, but once however often an epoch is tried.
        """
        before, again = len(self.runs), epoch is not None and epoch == self.missed
        what = "the final weights" if epoch is None else f"epoch {epoch}"
        with self.guarded(f"collect {what}"):
            self.runs.append(collect())
        if len(self.runs) > before:
            self.failures -= again
            self.missed = None
            return self.runs[-1]
        self.failures += not again
        self.missed = epoch
        return None

    def path_of(
        self, pattern: CheckpointPath | None, epoch: int, logs: Mapping[str, Any]
    ) -> str | None:
        """Return the file of an epoch.

        ``None`` if there is none, or it cannot be told, which is said.
        """
        if pattern is None:
            return None
        try:
            return pattern.of(epoch, logs)
        except ValueError as error:
            if not self.path_warned:
                self.path_warned = True
                self.log.warning("ReactCNN: %s; runs are stored without the file's name.", error)
            return None

    def summary(self, training: float) -> str:
        """Return one line: runs, seconds spent on them, their share of a training's seconds."""
        failed = f", {self.failures} could not be stored" if self.failures else ""
        runs = "1 run" if len(self.runs) == 1 else f"{len(self.runs)} runs"
        return (
            f"ReactCNN: {runs} collected{failed}; {self.seconds:.1f} s, "
            f"{percent_text(self.seconds / max(training, 1e-9))} of the training."
        )


def say(
    log: logging.Logger,
    network: Network,
    source: ImageSource,
    labels: LabelFit,
    proven: Proven,
    *,
    given: str | None,
) -> None:
    """Log what the user should know of a network and its probe images.

    Args:
        log: where to.
        network: what runs.
        source: the probe images.
        labels: how their labels become classes.
        proven: what runs, ready.
        given: what the user says of the range of pixel values.
    """
    texts = (
        *network.notices, *source.notices, labels.notice, *proven.notices, line_of(proven),
    )  # fmt: skip
    for line in filter(None, texts):
        log.info("%s", line)
    hint = pixel_range_hint(network, source, given, option="pixel_range")
    if hint is not None:
        log.warning("ReactCNN: %s", hint)


def tell_of_space(
    log: logging.Logger,
    request: Request,
    network: Network,
    source: ImageSource,
    proven: Proven,
    *,
    runs: int,
) -> None:
    """Log what the runs to come will write, where that is a lot.

    Args:
        log: where to.
        request: what is asked of every run.
        network: what runs.
        source: the probe images.
        proven: what runs, ready.
        runs: how many are foreseen.
    """
    new = new_run(request, network, source, proven)
    notice = space_notice(
        network,
        new,
        new.total or 0,
        request.store,
        runs=runs,
        fewer=('feature_maps="last:N" or "none"', "fewer images (probe=N)"),
    )
    if notice is not None:
        log.warning("ReactCNN: %s", notice)


def labels_of(network: Network, source: ImageSource) -> LabelFit:
    """Return how the labels of probe images become the model's classes.

    Raises:
        ImageSourceError: images or labels do not fit the model.
    """
    source.check(network.image_shape)
    return labels_for(source, network)


def collect_run(
    request: Request,
    network: Network,
    proven: Proven,
    source: ImageSource,
    labels: LabelFit,
    *,
    experiment: str | None,
    epoch: int | None,
) -> int:
    """Collect one run over all the probe images.

    Args:
        request: what is asked of every run.
        network: what runs, as it is to be noted with the run.
        proven: what runs, ready.
        source: the probe images.
        labels: how their labels become classes.
        experiment: what the run has in common with others.
        epoch: how many epochs were trained; ``None`` for the final weights.

    Returns:
        The run's id.

    Raises:
        CollectorError, ImageSourceError, StoreError: it cannot be collected.
    """
    capture = proven.capture
    name = run_name(experiment, epoch)
    new = new_run(dataclasses.replace(request, name=name), network, source, proven)
    new = dataclasses.replace(new, experiment=experiment, epoch=epoch)
    work = loop.Work(
        source=source,
        position=0,
        labels=labels,
        capture=capture,
        image_bytes=image_bytes(network, new),
        statistics=Statistics(new.layers),
        limit=request.limit,
        pace=None,
    )
    with closing(RunWriter.begin(request.store, new)) as writer:
        # Signals that are never listened to: they belong to whoever trains.
        loop.collect(work, writer, signals=StopSignals(), progress=Silent())
        return writer.run.id


def run_name(experiment: str | None, epoch: int | None) -> str:
    """Return what a run of a training is called."""
    return f"{experiment} · {'final' if epoch is None else f'epoch {epoch}'}"


def _complaint(attempt: str, error: Exception) -> str:
    text = " ".join(str(error).split())
    if not isinstance(error, _FORESEEN):
        text = f"{type(error).__name__}: {text}"
    return (
        f"ReactCNN could not {attempt} ({text.rstrip('.')}); training goes on, and later failures "
        "are only counted."
    )
