"""What was asked of a slimming, told to be right without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.errors import CollectorError
from collector.request import Request
from reactcnn_dash.vocabulary import SLIM_METHODS

if TYPE_CHECKING:
    from pathlib import Path

METHODS = tuple(SLIM_METHODS)
"""How filters are chosen; whichever way, those that stay take over the work of the others."""


class SlimError(CollectorError):
    """A network cannot be slimmed as was asked."""


@dataclass(frozen=True, slots=True)
class SlimRequest:
    """One call of ``slim``.

    Attributes:
        store: URL or path of the store, for the runs.
        model: the packaged network's name or a path.
        images: calibration images, what ``open_images`` takes.
        limit: how many of them.
        evaluate: images to measure with, likewise; ``None`` for no runs.
        evaluate_limit: how many of them; ``None`` for all.
        pixel_range: key of ``PIXEL_RANGES``; ``None`` for 0–255.
        preprocess: key of ``PREPROCESSES``, instead of a pixel range.
        custom: path of a Python file that registers layers of the model; it is run.
        classes: path of the file that names the model's classes, or a known set of them.
        class_names: these names.
        reading: one of ``READINGS``; ``None`` for the usual one.
        value_range: the values that are black and white, as text; ``None`` to judge them.
        head: what the model ends in, one of ``HEADS``; ``None`` to judge it.
        parameters: share of the parameters that may stay.
        work: share of the multiply-adds that may stay.
        loss: points of accuracy, or of agreement, that may be lost.
        lossless: only filters go that the others explain exactly.
        plan: a redundancy report whose confirmed filters go.
        method: one of :data:`METHODS`.
        seed: settles what ``random`` chooses.
        output: the file to write.
        force: write over files that exist.
    """

    store: str
    model: str
    images: str
    limit: int
    evaluate: str | None
    evaluate_limit: int | None
    pixel_range: str | None
    preprocess: str | None
    custom: str | None
    classes: str | None
    class_names: tuple[str, ...] | None
    reading: str | None
    value_range: str | None
    head: str | None
    parameters: float | None
    work: float | None
    loss: float | None
    lossless: bool
    plan: Path | None
    method: str
    seed: int
    output: Path
    force: bool

    @property
    def scaling(self) -> str:
        """What is done to pixel values, a key of ``SCALINGS``."""
        return self.collecting().pixel_range_or_default

    def collecting(self, **more: Any) -> Request:
        """Return a request to collect a network just as this one is read, with more said of it."""
        return Request(
            store=self.store,
            pixel_range=self.pixel_range,
            preprocess=self.preprocess,
            custom=self.custom,
            classes=self.classes,
            class_names=self.class_names,
            reading=self.reading,
            value_range=self.value_range,
            head=self.head,
            **more,
        )

    @property
    def channel_map(self) -> Path:
        """Where it is written which original filter each new one is."""
        return self.output.with_name(f"{self.output.stem}-channels.json")

    @property
    def result(self) -> Path:
        """Where it is written what was found and measured."""
        return self.output.with_name(f"{self.output.stem}-result.json")

    @property
    def checkpoints(self) -> Path:
        """Where fine-tuning keeps its epochs."""
        return self.output.with_name(f"{self.output.stem}-checkpoints")

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            SlimError: saying what is wrong.
        """
        sized = self.parameters is not None or self.work is not None
        ways = [sized, self.loss is not None, self.plan is not None, self.lossless]
        if sum(ways) != 1:
            raise SlimError(
                "say how slim in one way: --parameters 25% and --multiply-adds 50% (or one of "
                "them), --loss 0.5, --lossless, or --plan FILE."
            )
        if (self.plan is not None or self.lossless) and self.method != METHODS[0]:
            raise SlimError("--method is about a budget; leave it out.")
        if self.loss is not None and self.evaluate is None:
            raise SlimError("--loss is measured over images; give them with --evaluate DATA.")
        if self.output.suffix != ".keras":
            raise SlimError(f"{self.output}: the name of a Keras model must end in .keras.")
        if not self.output.parent.is_dir():
            raise SlimError(f"there is no folder {self.output.parent}.")
        for path in (self.output, self.channel_map, self.result):
            if path.exists() and not self.force:
                raise SlimError(f"{path} exists; give another --output, or --force.")


def share(text: str) -> float:
    """Return a share of the whole: 25%, or 0.25.

    Raises:
        ValueError: it is none between 0 and 1.
    """
    number = float(text.removesuffix("%"))
    value = number / 100 if text.endswith("%") else number
    if not 0.0 < value < 1.0:
        raise ValueError
    return value
