"""What a slim network is worth: both networks over the same images, and how fast they are."""

from __future__ import annotations

import statistics
import time
from contextlib import closing
from typing import TYPE_CHECKING, TypedDict, cast

import numpy as np

from collector import loop, session
from collector.frameworks.keras.capture import Capture
from collector.request import DEFAULT_READING
from reactcnn_dash.analysis import change_interval, wilson_interval
from reactcnn_dash.db import RunState, StoreError, StoreReader, warnings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.frameworks.keras.network import Network
    from collector.images import ImageSource
    from collector.progress import Progress
    from collector.request import Request
    from collector.signals import StopSignals
    from collector.slim.request import SlimRequest
    from reactcnn_dash.db import Run

BATCH = 64
"""Images at a time."""

_ROUNDS = 3
_TIMED_IMAGES = 512


class Speed(TypedDict):
    """Images a second of both networks, so many at a time."""

    before: float
    after: float
    batch: int


class Accuracy(TypedDict):
    """Shares that are right, their 95 % intervals, and that of the change."""

    before: float
    after: float
    before_95: tuple[float, float]
    after_95: tuple[float, float]
    change_95: tuple[float, float]


class Evaluated(TypedDict):
    """The images, how many, and whether the network was slimmed with them."""

    images: str
    count: int
    slimmed_with: bool


class Runs(TypedDict):
    """Where both networks' answers are: a run each, by its UUID."""

    before: str
    after: str


class Measured(TypedDict):
    """What a slim network is worth; ``accuracy`` is None without labels."""

    evaluated: Evaluated
    agreement: float
    agreement_95: tuple[float, float]
    runs: Runs
    accuracy: Accuracy | None
    images_a_second: Speed


class Evaluation:
    """Runs the whole and the slim network over the images to measure with.

    Args:
        request: what was asked for; both models are files by now.
        source: the images.
        calibration: the images that it was slimmed with.
        signals: end it.
        progress: told how far it is.
        notice: told what the user should know of the images, a line at a time.
    """

    def __init__(
        self,
        request: SlimRequest,
        source: ImageSource,
        calibration: ImageSource,
        signals: StopSignals,
        progress: Progress,
        *,
        notice: Callable[[str], None],
    ) -> None:
        self._request, self._source, self._calibration = request, source, calibration
        self._signals, self._progress, self._notice = signals, progress, notice
        self._runs: list[Run] = []
        self._networks: list[Network] = []

    def collect(self) -> int:
        """Make two runs; returns an exit code, 0 when both are whole.

        A run of the whole network over these very images that the store has is taken as it is.
        """
        request = self._request
        output = str(request.output)
        for model, name in ((request.model, "whole"), (output, "slim")):
            wanted = request.collecting(
                model=model,
                images=request.evaluate,
                limit=request.evaluate_limit,
                batch_size=BATCH,
                name=f"{request.output.stem} · {name}",
            )
            native = self._source.native_shape
            network = session.open_network(model, wanted, native, head=request.head)
            self._networks.append(cast("Network", network))
            known = self._known(network.loaded.sha256) if name == "whole" else None
            if known is None:
                code = self._collect(wanted)
                if code:
                    return code
            else:
                self._runs.append(known)
        return 0

    def result(self) -> Measured:
        """Return what was measured, as JSON can say it."""
        whole, slim = self._runs
        reader = StoreReader(self._request.store)
        first, second = (reader.predictions(run) for run in (whole, slim))
        same = first.predictions == second.predictions
        result: Measured = {
            "evaluated": {
                "images": whole.image_source,
                "count": whole.stored,
                "slimmed_with": self._source.identity == self._calibration.identity,
            },
            "agreement": float(same.mean()),
            "agreement_95": wilson_interval(int(same.sum()), len(same)),
            "runs": {"before": whole.uuid, "after": slim.uuid},
            "accuracy": None,
            "images_a_second": self._speed(),
        }
        labelled = first.labels >= 0
        if labelled.any():
            right = [(one.predictions == one.labels)[labelled] for one in (first, second)]
            before, after = (
                (float(one.mean()), wilson_interval(int(one.sum()), len(one))) for one in right
            )
            result["accuracy"] = {
                "before": before[0],
                "after": after[0],
                "before_95": before[1],
                "after_95": after[1],
                "change_95": change_interval(*right),
            }
        return result

    def _collect(self, wanted: Request) -> int:
        ready = session.begin(wanted, self._source, self._signals)
        with closing(ready.writer):
            for line in (*ready.notices, *warnings_of(wanted.store)):
                self._notice(line)
            outcome = loop.collect(
                ready.work, ready.writer, signals=self._signals, progress=self._progress
            )
            if outcome.interrupted is not None:
                return 128 + outcome.interrupted
            self._runs.append(StoreReader(wanted.store).run(ready.writer.run.id))
        return 0

    def _known(self, sha256: str) -> Run | None:
        """Return a whole run of a network over all these images, read as they are read here."""
        request = self._request
        options = {
            "pixel_range": request.scaling,
            "limit": request.evaluate_limit,
            "first": None,
            "value_range": request.value_range,
            "classes": request.classes,
            "preprocess": request.preprocess,
            "custom": request.custom,
        }
        try:
            reader = StoreReader(request.store)
            for summary in reader.summaries():
                if summary.state is not RunState.FINISHED or not summary.stored:
                    continue
                run = reader.run(summary.id)
                if (
                    run.checkpoint.sha256 == sha256
                    and run.image_identity == self._source.identity
                    and not run.skipped
                    and (run.options.get("reading") or DEFAULT_READING)
                    == (request.reading or DEFAULT_READING)
                    and run.options.get("head")
                    in (None, request.head, self._networks[0].reading.head)
                    and all(run.options.get(name) == value for name, value in options.items())
                ):
                    return run
        except StoreError:
            # There is no store yet.
            return None
        return None

    def _speed(self) -> Speed:
        """Images a second of both networks, in turn: the median of some rounds."""
        shape = self._networks[0].image_shape
        pixels = self._source.read(0, min(BATCH, len(self._source)), shape).pixels
        batch = np.resize(pixels, (BATCH, *pixels.shape[1:]))
        captures = [Capture(one, maps=False, batch_size=BATCH) for one in self._networks]
        for capture in captures:
            capture.warm_up(batch)
        rates: list[list[float]] = [[], []]
        for done in range(_ROUNDS):
            self._progress.working("timing", done, _ROUNDS)
            for capture, found in zip(captures, rates, strict=True):
                begun = time.perf_counter()
                for _ in range(_TIMED_IMAGES // BATCH):
                    capture(batch)
                found.append(_TIMED_IMAGES / (time.perf_counter() - begun))
        self._progress.working("timing", _ROUNDS, _ROUNDS)
        self._progress.close()
        before, after = (round(statistics.median(found), 1) for found in rates)
        return {"before": before, "after": after, "batch": BATCH}
