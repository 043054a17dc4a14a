"""What a run's model is asked about switched-off filters, and what it answers of all images."""

from __future__ import annotations

from typing import Final, Literal, TypedDict

INSTEAD: Final = ("zero", "mean")
"""What can stand in the place of a filter that is switched off; the first is the usual one."""


class SwitchedOff(TypedDict):
    """Filters of each layer, by its position, and what stands in their place."""

    off: list[tuple[int, list[int]]]
    instead: str


class WhatIfQuestion(SwitchedOff):
    """Asks for the answer to an image."""

    ask: Literal["what-if"]
    ordinal: int


class OverRunQuestion(SwitchedOff):
    """Asks for the answers to all images of a run that has so many."""

    ask: Literal["what-if-run"]
    stored: int


class WhatIfRun(TypedDict):
    """A run with some filters switched off: how many of its images are still predicted as before.

    Of ``images``: ``labelled``; right ``before`` and ``after``; ``lost``, right before alone;
    ``won``, right after alone; the ``same`` prediction. ``damaged`` ones were left out.
    """

    images: int
    labelled: int
    before: int
    after: int
    lost: int
    won: int
    same: int
    damaged: int
