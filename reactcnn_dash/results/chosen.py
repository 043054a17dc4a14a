"""Chosen images of a run, or a sample of them where they are many: nobody waits for a million."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reactcnn_dash import analysis

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reactcnn_dash.db import ImageFilter, StoreReader

_LISTED: Final = 16
"""Up to this many times a sample, the images are listed, and drawn from."""


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Images that were chosen.

    Attributes:
        ordinals: (n,) int64, ascending: all of them, or a sample.
        images: how many there are.
    """

    ordinals: NDArray[np.int64]
    images: int


def sample_of_chosen(
    reader: StoreReader, run_id: int, stored: int, wanted: ImageFilter, most: int
) -> Chosen:
    """Return the images of a run that are wanted: all, or a random sample of ``most`` of them.

    The sample depends on nothing but the run and what is wanted (``analysis.sample_among``). Where
    very many are wanted they are not listed: images of the run are drawn until enough of them are
    among those.

    Args:
        reader: the store.
        run_id: the run.
        stored: how many images it has.
        wanted: what is wanted.
        most: the most images of the answer.

    Raises:
        StoreError: the store cannot be read.
    """
    images = reader.count(run_id, wanted)
    if images <= _LISTED * most:
        listed = reader.matching(run_id, wanted)
        return Chosen(analysis.sample_among(listed, most), len(listed))
    drawn = most * stored // images
    while True:
        drawn = min(stored, drawn + drawn // 8)
        among = analysis.sample_ordinals(stored, drawn)
        found = reader.matching_among(run_id, wanted, among.tolist())
        if len(found) >= most or drawn == stored:
            return Chosen(analysis.sample_among(found, most), images)
