"""In which precision a network's convolutions are computed, and whether fewer digits pay.

bfloat16 has the range of float32 and 8 bits of its 24 (Kalamkar et al. 2019, "A study of BFLOAT16
for deep learning training"); products of two such numbers are exact in float32, in which they are
summed. Importing this module imports no framework.
"""

from __future__ import annotations

import dataclasses
import re
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np

from collector.errors import ModelError
from collector.frameworks.agreement import Parted
from collector.frameworks.protocol import AUTO
from collector.frameworks.reading import predictions
from reactcnn_dash.db import BFLOAT16, FLOAT32, Answers
from reactcnn_dash.results.precision import rounding_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from collector.frameworks.protocol import Network, Pixels, Proven

MEASURED: Final = 64
"""Images, at most, that the rounding is measured over."""
_AT_A_TIME = 16
_MEASURING_SECONDS = 2.0
_TRIAL_SECONDS = 3.0
_LEAST_TURNS = 3

WORTH: Final = 1.05
"""How many times as fast bfloat16 must be for ``auto`` to take it: it costs digits."""

_UNITS = {"amx_bf16": "AMX-BF16", "avx512_bf16": "AVX512-BF16"}
"""Flags of processors that multiply bfloat16 themselves, as Linux has them, and their names."""
_EMULATED = (
    f"precision bfloat16: the processor has neither {' nor '.join(_UNITS.values())} and does it by "
    "float32, which takes longer than float32 alone."
)


class NoBfloat16(ModelError):
    """A network cannot be computed in bfloat16; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A precision, and one line that says why it was taken."""

    precision: str
    why: str

    @property
    def line(self) -> str:
        """What is said of it when a run begins."""
        return f"precision {self.precision}: {self.why}."


def processor_flags(place: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return what the processor can do, as Linux names it; nothing on other systems."""
    try:
        text = place.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    found = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return frozenset(found[1].split()) if found else frozenset()


def units(flags: frozenset[str]) -> tuple[str, ...]:
    """Return the names of what multiplies bfloat16 in a processor with such flags."""
    return tuple(name for flag, name in _UNITS.items() if flag in flags)


def named(here: tuple[str, ...]) -> str:
    """Return what a processor has of :func:`units`, in words."""
    return " and ".join(here) or f"neither {' nor '.join(_UNITS.values())}"


def decide(flags: frozenset[str], rates: tuple[float, float] | None, batch_size: int) -> Choice:
    """Choose a precision.

    Args:
        flags: of the processor.
        rates: images a second in float32 and in bfloat16; ``None`` without a trial.
        batch_size: images at a time, for the words.
    """
    here = named(units(flags))
    if not units(flags):
        return Choice(FLOAT32, f"the processor has {here}")
    if rates is None:
        return Choice(FLOAT32, "it was not tried which is faster")
    single, brief = rates
    figures = (
        f"{brief:,.0f} images a second in bfloat16, {single:,.0f} in float32, {batch_size:,} at a "
        f"time, with {here}"
    )
    return Choice(BFLOAT16 if brief >= WORTH * single else FLOAT32, figures)


def proven_in(
    asked: str,
    network: Network,
    make: Callable[[str], Proven],
    pixels: Pixels,
    batch_size: int,
    *,
    flags: frozenset[str] | None = None,
) -> Proven:
    """Make a network ready in the precision that was asked for.

    Args:
        asked: one of ``protocol.PRECISIONS``.
        network: what runs.
        make: makes it ready in ``float32`` or ``bfloat16``, and proves it.
        pixels: (n, H, W, C), the run's first images, for the trial and to measure the rounding.
        batch_size: how many images go through at a time.
        flags: of the processor (default: of this one).

    Returns:
        It, with what was chosen among its notices and its rounding measured.

    Raises:
        ModelError: it cannot be run so, or what would be stored is not what the model says.
    """
    single = make(FLOAT32)
    if asked == FLOAT32:
        return single
    flags = processor_flags() if flags is None else flags
    if asked == AUTO and not units(flags):
        return _told(single, decide(flags, None, batch_size))
    try:
        brief = make(BFLOAT16)
    except (NoBfloat16, Parted) as error:
        if asked == BFLOAT16:
            raise
        return _told(single, Choice(FLOAT32, str(error).rstrip(".")))
    if asked == AUTO:
        batch = np.resize(pixels, (batch_size, *pixels.shape[1:]))
        ways = (lambda: single.capture(batch), lambda: brief.capture(batch))
        choice = decide(flags, rates_in_turn(*ways, batch_size), batch_size)
        if choice.precision == FLOAT32:
            return _told(single, choice)
        brief = _told(brief, choice)
    elif not units(flags):
        brief = dataclasses.replace(brief, notices=(*brief.notices, _EMULATED))
    return measured(dataclasses.replace(brief, against=single.capture), network, pixels)


def measured(proven: Proven, network: Network, pixels: Pixels) -> Proven:
    """Measure anew what bfloat16 costs, for instance with the weights of another epoch.

    Args:
        proven: a network that is ready; in float32 it stays as it is.
        network: the same.
        pixels: (n, H, W, C), some images.
    """
    if proven.against is None:
        return proven
    begun = time.monotonic()
    # Without the maps, which may be many times as large as all else.
    gaps: tuple[list[NDArray[np.float32]], ...] = ([], [])
    answers: tuple[list[NDArray[np.float32]], ...] = ([], [])
    for start in range(0, min(len(pixels), MEASURED), _AT_A_TIME):
        part = pixels[start : start + _AT_A_TIME]
        for side, capture in enumerate((proven.against, proven.capture)):
            captured = capture(part)
            gaps[side].append(captured.gap.copy())
            answers[side].append(captured.probabilities.copy())
        if time.monotonic() - begun > _MEASURING_SECONDS:
            break
    single, brief = map(np.concatenate, gaps)
    said: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    if network.reading.answers is Answers.CLASSES:
        first, second = (predictions(np.concatenate(one)) for one in answers)
        said = first, second
    names = [(tap.name, tap.filters) for tap in network.taps]
    return dataclasses.replace(proven, rounding=rounding_of(names, single, brief, said))


def line_of(proven: Proven) -> str | None:
    """Return what is said of the rounding when a run begins; nothing in float32."""
    if proven.precision == FLOAT32:
        return None
    if proven.rounding is None:
        return "bfloat16: too few images to measure what it costs."
    return f"bfloat16: {proven.rounding.text}."


def rates_in_turn(
    single: Callable[[], object], brief: Callable[[], object], images: int
) -> tuple[float, float]:
    """Return images a second of the same in float32 and in bfloat16, in turn for some seconds.

    Args:
        single: carries it out in float32.
        brief: carries it out in bfloat16.
        images: how many go through each time.
    """
    took: dict[Callable[[], object], list[float]] = {single: [], brief: []}
    for way in took:
        # What is compiled or made ready is so the first time.
        way()
    begun = time.monotonic()
    while len(took[brief]) < _LEAST_TURNS or time.monotonic() - begun < _TRIAL_SECONDS:
        for way, seconds in took.items():
            start = time.perf_counter()
            way()
            seconds.append(time.perf_counter() - start)
    return images / median(took[single]), images / median(took[brief])


def emulated(flags: frozenset[str] | None = None) -> str | None:
    """Return a warning where the processor does not multiply bfloat16 itself."""
    return None if units(processor_flags() if flags is None else flags) else _EMULATED


def _told(proven: Proven, choice: Choice) -> Proven:
    return dataclasses.replace(proven, notices=(*proven.notices, choice.line))
