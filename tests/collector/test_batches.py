"""Batches keep their size and their borders, whatever is skipped and wherever a run goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collector.batches import batches, read_ahead
from collector.images import ImageChunk, Skipped

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPE = (1, 1, 1)


@dataclass(frozen=True)
class Files:
    """A source whose files are readable or not, as a folder's are; names are positions."""

    readable: tuple[bool, ...]
    spec: str = "files"
    description: str = "files"
    identity: str = ""
    class_names: None = None
    targets: None = None
    target_names: None = None
    labelled: bool = False
    top_label: int = -1
    native_shape: None = None
    value_range: None = None
    unrounded: bool = False
    notices: tuple[str, ...] = ()

    @property
    def labels(self) -> NDArray[np.int64]:
        return np.arange(len(self))

    def __len__(self) -> int:
        return len(self.readable)

    def check(self, shape: tuple[int, int, int]) -> None:
        assert shape == SHAPE

    def read(self, start: int, stop: int, shape: tuple[int, int, int]) -> ImageChunk:
        assert shape == SHAPE
        good = [n for n in range(start, min(stop, len(self))) if self.readable[n]]
        bad = [n for n in range(start, min(stop, len(self))) if not self.readable[n]]
        return ImageChunk(
            pixels=np.array(good, np.uint8).reshape(-1, 1, 1, 1),
            labels=np.array(good, np.int64),
            names=tuple(str(n) for n in good),
            skipped=tuple(Skipped(str(n), "bad") for n in bad),
        )

    def name(self, position: int) -> str:
        return str(position)

    def position_after(self, stored: int, name: str | None) -> int:
        assert (stored == 0) == (name is None)
        return 0 if name is None else int(name) + 1


files = st.lists(st.booleans(), min_size=1, max_size=40).map(lambda good: Files(tuple(good)))


@given(source=files, size=st.integers(1, 7), most=st.none() | st.integers(1, 45))
def test_all_batches_but_the_last_are_full(source: Files, size: int, most: int | None) -> None:
    found = list(batches(source, SHAPE, size=size, most=most))
    assert all(len(batch) == size for batch in found[:-1])
    names = [str(name) for batch in found for name in batch.names]
    expected = [str(n) for n, good in enumerate(source.readable) if good]
    assert names == expected[:most]
    assert [int(label) for batch in found for label in batch.labels] == list(map(int, names))
    skipped = [file.name for batch in found for file in batch.skipped]
    passed = len(source) if most is None or most > len(names) else int(names[-1]) + 1
    assert skipped == [str(n) for n in range(passed) if not source.readable[n]]


@given(source=files, size=st.integers(1, 7), data=st.data())
def test_a_resumed_pass_cuts_where_the_first_one_did(
    source: Files, size: int, data: st.DataObject
) -> None:
    whole = list(batches(source, SHAPE, size=size))
    done = data.draw(st.integers(0, len(whole)))
    stored = sum(map(len, whole[:done]))
    last = next((b.names[-1] for b in reversed(whole[:done]) if len(b)), None)
    position = source.position_after(stored, last)
    rest = list(batches(source, SHAPE, size=size, position=position))
    expected = [batch.names for batch in whole[done:] if len(batch)]
    assert [batch.names for batch in rest if len(batch)] == expected
    # A run knows how many files it skipped from where it stands alone.
    assert position - stored == sum(not good for good in source.readable[:position])


def test_reading_ahead_changes_nothing() -> None:
    source = Files((True, False, True, True, False, True))
    plain = [batch.names for batch in batches(source, SHAPE, size=2)]
    ahead = [batch.names for batch in read_ahead(batches(source, SHAPE, size=2))]
    assert ahead == plain == [("0", "2"), ("3", "5")]
