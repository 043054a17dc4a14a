"""Hits by label: of networks that give each label by itself, where it is known which are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reactcnn_dash.db import Answers, Letter

if TYPE_CHECKING:
    from reactcnn_dash.db import Run, StoreReader


@dataclass(frozen=True, slots=True)
class LabelHits:
    """What became of one label, in images of which it is known whether it is right.

    Attributes:
        name: the label.
        hits: images of which it is right, and to which it was given.
        extra: of which it is not right, and to which it was given: false positives.
        missed: of which it is right, and to which it was not given.
        rest: of which it is not right, and to which it was not given.
    """

    name: str
    hits: int
    extra: int
    missed: int
    rest: int

    @property
    def precision(self) -> float | None:
        """Share of the images that were given it of which it is right; None without any."""
        return _share(self.hits, self.extra)

    @property
    def recall(self) -> float | None:
        """Share of the images of which it is right that were given it; None without any."""
        return _share(self.hits, self.missed)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall, 2 hits / (2 hits + extra + missed)."""
        return _share(2 * self.hits, self.extra + self.missed)


def label_hits(reader: StoreReader, run: Run) -> tuple[LabelHits, ...]:
    """Return what became of each label of a run; nothing where no image says which are right.

    Raises:
        StoreError: the store cannot be read.
    """
    if run.answers is not Answers.LABELS or not run.labelled:
        return ()
    found = reader.targets(run)
    if not len(found.ordinals):
        return ()
    counts = (Letter.HIT, Letter.FALSE, Letter.MISSED, Letter.REST)
    columns = [found.count(letter).tolist() for letter in counts]
    return tuple(
        LabelHits(name, *numbers) for name, *numbers in zip(run.class_names, *columns, strict=True)
    )


def together(found: tuple[LabelHits, ...]) -> LabelHits:
    """Return the sum over all labels, of which precision and recall are the micro-averages."""
    return LabelHits(
        "all labels",
        sum(one.hits for one in found),
        sum(one.extra for one in found),
        sum(one.missed for one in found),
        sum(one.rest for one in found),
    )


def _share(part: int, rest: int) -> float | None:
    return part / (part + rest) if part + rest else None
