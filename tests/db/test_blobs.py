from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reactcnn_dash.db import DamagedBlob, pack, unpack

DTYPES = ["?", "i1", "u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"]

arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0))
)


@given(array=arrays, compress=st.booleans())
def test_an_array_comes_back_to_the_bit(array: np.ndarray[Any, Any], compress: bool) -> None:
    back = unpack(pack(array, compress=compress))
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert not back.flags.writeable


def maps(filled: float) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(3)
    codes = rng.integers(1, 60, (16, 24, 24)).astype(np.uint8)
    return codes * (rng.random(codes.shape) < filled)


@pytest.mark.parametrize("filled", [0.0, 0.01, 0.5, 0.59, 0.61, 0.9, 1.0])
def test_maps_come_back_at_every_density_and_get_smaller(filled: float) -> None:
    array = maps(filled)
    blob = pack(array, compress=True)
    assert np.array_equal(unpack(blob), array)
    assert len(blob) < len(pack(array))


def test_noise_is_not_made_larger() -> None:
    array = np.random.default_rng(4).integers(1, 256, (64, 32, 32)).astype(np.uint8)
    assert len(pack(array, compress=True)) <= len(pack(array))


def test_views_and_big_endian_arrays_are_stored_by_value() -> None:
    array = np.arange(24, dtype=">f4").reshape(2, 3, 4).transpose(2, 0, 1)[::2]
    assert np.array_equal(unpack(pack(array)), array)


@given(filled=st.sampled_from([0.0, 0.3, 0.9]), compress=st.booleans(), data=st.data())
def test_any_flipped_bit_is_noticed(filled: float, compress: bool, data: st.DataObject) -> None:
    blob = bytearray(pack(maps(filled)[:, :9, :9], compress=compress))
    bit = data.draw(st.integers(0, 8 * len(blob) - 1))
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DamagedBlob):
        unpack(bytes(blob))


@given(compress=st.booleans(), data=st.data())
def test_a_cut_blob_is_noticed(compress: bool, data: st.DataObject) -> None:
    blob = pack(maps(0.4)[:, :9, :9], compress=compress)
    with pytest.raises(DamagedBlob):
        unpack(blob[: data.draw(st.integers(0, len(blob) - 1))])


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(blob: bytes) -> None:
    with pytest.raises(DamagedBlob):
        unpack(blob)


def resealed(blob: bytes, position: int, value: int) -> bytes:
    """The blob with one byte changed and a checksum that fits again."""
    changed = bytearray(blob)
    changed[position] = value
    check = zlib.crc32(bytes(changed[4:7]) + bytes(changed[12:]))
    changed[8:12] = check.to_bytes(4, "little")
    return bytes(changed)


@pytest.mark.parametrize("filled", [0.3, 0.9])
@pytest.mark.parametrize(
    ("position", "value"),
    [(4, ord("z")), (5, 9), (5, 0), (5, 1), (5, 2), (12, 200), (15, 127), (24, 255), (30, 77)],
)
def test_a_sound_checksum_over_wrong_contents_is_no_licence(
    filled: float, position: int, value: int
) -> None:
    array = maps(filled)
    blob = pack(array, compress=True)
    if blob[position] == value:
        value = 3 - value
    try:
        back = unpack(resealed(blob, position, value))
    except DamagedBlob:
        return
    # A changed value byte of an otherwise sound blob is a different array, not a broken one.
    assert back.shape == array.shape


def test_a_claim_of_a_huge_size_is_refused_before_it_is_believed() -> None:
    blob = pack(maps(0.9), compress=True)
    assert blob[5] == 1
    start = 24
    # A zstd frame that claims 2**50 bytes: one segment, eight bytes of content size.
    frame = b"\x28\xb5\x2f\xfd\xe0" + (2**50).to_bytes(8, "little") + blob[start + 13 :]
    with pytest.raises(DamagedBlob, match="another size"):
        unpack(resealed(blob[:start] + frame, 5, 1))


def test_a_dtype_that_is_not_kept_is_refused() -> None:
    with pytest.raises(TypeError, match="complex128"):
        pack(np.zeros(3, complex))
