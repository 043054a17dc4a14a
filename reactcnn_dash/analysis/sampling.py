"""Which images stand for a run: a bounded sample that depends on nothing but their number.

Statistics that no streamed sum can give (quantiles, fourth moments, a calibration on images that
were not fitted) are made of a sample of the stored rows. Only ordinals are chosen here, so there is
no state to keep, to merge or to resume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

SAMPLE = 4096
"""Images that a sample holds at most."""
WARM_UP = 512
"""Images that must be there before a run is described by a sample of them."""

_SEED = 20260101


def sample_ordinals(stored: int, size: int = SAMPLE, *, seed: int = _SEED) -> npt.NDArray[np.int64]:
    """Choose images of a run, each with the same probability.

    Every ordinal has a fixed pseudo-random number (its hash by splitmix64; Steele, Lea & Flood
    2014, "Fast splittable pseudorandom number generators"); the ``size`` smallest are chosen. The
    sample of a longer run therefore keeps what it can of the sample of a shorter one, and samples
    of two parts of a run merge into the sample of the whole.

    Args:
        stored: images in the run, ≥ 0.
        size: images wanted, ≥ 0.
        seed: another one gives another sample.

    Returns:
        min(stored, size) ordinals, ascending.
    """
    return sample_among(np.arange(stored, dtype=np.int64), size, seed=seed)


def sample_among(
    ordinals: npt.NDArray[np.int64], size: int = SAMPLE, *, seed: int = _SEED
) -> npt.NDArray[np.int64]:
    """Choose some of chosen images, each with the same probability: as :func:`sample_ordinals`.

    Those are taken that a sample of the run would hold first.

    Args:
        ordinals: (n,) of images of a run, ascending.
        size: images wanted, ≥ 0.
        seed: another one gives another sample.

    Returns:
        min(n, size) of them, ascending.
    """
    if len(ordinals) <= size:
        return ordinals
    chosen = np.argpartition(_hash(ordinals, seed), size)[:size]
    return np.sort(ordinals[chosen]).astype(np.int64)


def refit_due(stored: int, fitted: int) -> bool:
    """Return whether a description made of the first ``fitted`` images should be made again.

    It is due after :data:`WARM_UP` images, whenever their number has doubled, and no more once
    :data:`SAMPLE` images were there: scores settle early and must then stay what they are.

    Args:
        stored: images in the run now.
        fitted: images in it when the description was made, 0 if there is none.
    """
    if stored < WARM_UP or fitted >= SAMPLE:
        return False
    return stored >= max(WARM_UP, min(2 * fitted, SAMPLE))


def _hash(ordinals: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.uint64]:
    # Unsigned arithmetic of arrays wraps around without a warning, as the hash wants it.
    x = (ordinals + (seed + 1)).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
