"""What expands is read back only as far as was said beforehand."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reactcnn_dash.db import DamagedBlob, arrays_of, inflated
from reactcnn_dash.db.expanding import MOST_TEXT
from reactcnn_dash.results.deviations.packing import from_bytes, to_bytes
from reactcnn_dash.results.deviations.scores import RunScores
from reactcnn_dash.results.redundancy.maps import MAPS
from reactcnn_dash.results.redundancy.stored import REPORT

if TYPE_CHECKING:
    from collections.abc import Callable


def saved(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def archive(name: str, member: bytes, how: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as written:
        written.writestr(name, member)
    return file.getvalue()


def header(shape: str, dtype: str = "<f4") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    "array",
    [np.arange(6.0), np.array([[1, 2], [3, 4]], np.float32), np.zeros((0, 4)), np.array("text"),
     np.asfortranarray(np.arange(6).reshape(2, 3)), np.array(3)],
)  # fmt: skip
def test_what_numpy_saved_comes_back(array: np.ndarray) -> None:
    found = arrays_of(saved(one=array, other=np.zeros(3)))
    assert set(found) == {"one", "other"}
    np.testing.assert_array_equal(found["one"], array)
    assert found["one"].dtype == array.dtype


BOMBS: dict[str, bytes] = {
    "expands": archive("a0.npy", header("(1000000000,)") + bytes(10**7), zipfile.ZIP_DEFLATED),
    "asks for terabytes": archive("a0.npy", header("(1000000000000,)") + bytes(64)),
    "one number too few": archive("a0.npy", header("(3,)") + bytes(8)),
    "pickles": archive("a0.npy", header("(1,)", "|O") + bytes(64)),
    "negative": archive("a0.npy", header("(-1, -1)") + bytes(4)),
    "no header": archive("a0.npy", b"nothing"),
    "no archive": b"nothing at all",
    "empty": b"",
}


@pytest.mark.parametrize("name", BOMBS)
def test_an_archive_takes_no_more_than_its_bytes(name: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DamagedBlob):
            arrays_of(BOMBS[name])
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_text_that_expands_is_cut_off() -> None:
    assert inflated(zlib.compress(b"abc" * 1000)) == b"abc" * 1000
    bomb = zlib.compress(bytes(5_000_000))
    for most in (0, 1, 1000, 4_999_999):
        with pytest.raises(DamagedBlob):
            inflated(bomb, most or 1)
    assert len(inflated(bomb, 5_000_000)) == 5_000_000
    for damaged in (b"", b"x", bomb[:-9]):
        with pytest.raises(DamagedBlob):
            inflated(damaged)


@pytest.fixture(scope="module")
def endless() -> bytes:
    """A text that is longer than any may be."""
    return zlib.compress(bytes(MOST_TEXT + 1), level=1)


@pytest.mark.parametrize(
    "unpack",
    [
        lambda data: from_bytes(data, RunScores),
        lambda data: MAPS.unpack(data, 3),
        lambda data: REPORT.unpack(data, 3),
    ],
)
def test_a_stored_result_of_any_kind_is_read_by_these(
    unpack: Callable[[bytes], object], endless: bytes
) -> None:
    for bomb in (*BOMBS.values(), endless):
        with pytest.raises(DamagedBlob):
            unpack(bomb)


def test_numbers_do_not_become_long_texts() -> None:
    scores = RunScores(3, np.zeros(1000, np.float32), np.zeros(4))
    made = to_bytes(scores)
    assert from_bytes(made, RunScores).profile == 3
    tree = str(arrays_of(made)["tree"]).replace('"<f4"', '"S9000000"')
    damaged = saved(**(arrays_of(made) | {"tree": np.array(tree)}))
    with pytest.raises(DamagedBlob):
        from_bytes(damaged, RunScores)


def test_a_matrix_is_no_larger_than_what_is_stored_of_it() -> None:
    images = np.zeros(1_000_000, np.int8)
    data = saved(r0=np.zeros(3, np.float32), images0=images, strongest0=images, ordinals=images[:1])
    with pytest.raises(DamagedBlob):
        MAPS.unpack(data, 3)
