from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reactcnn_dash.db import DamagedBlob, blobs, pack, unpack
from reactcnn_dash.db.backport import zstd
from tests.db.samples import written

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


def test_maps_behind_a_relu_take_hardly_more_than_their_entropy() -> None:
    rng = np.random.default_rng(5)
    codes = np.minimum(rng.exponential(30, 200_000), 255).astype(np.uint8)
    codes[rng.random(codes.size) < 0.5] = 0
    share = np.bincount(codes, minlength=256) / codes.size
    bits = -np.sum(share[share > 0] * np.log2(share[share > 0]))
    assert len(pack(codes, compress=True)) < 1.02 * codes.size * bits / 8


def test_low_and_step_of_a_run_without_negative_values_take_less_than_the_steps() -> None:
    step = np.random.default_rng(6).random(4224, np.float32)
    scales = np.stack([np.zeros_like(step), step])
    blob = pack(scales, compress=True)
    assert np.array_equal(unpack(blob, (2, 4224), "<f4"), scales)
    assert len(blob) < step.nbytes


@pytest.mark.parametrize("filled", [0.01, 0.35, 0.6])
@pytest.mark.parametrize("size", [7, 4095, 4096, 9216])
def test_maps_whose_zeros_were_left_out_are_read_as_ever(filled: float, size: int) -> None:
    array = maps(filled).reshape(-1)[:size]
    payload = np.packbits(array != 0).tobytes() + array[array != 0].tobytes()
    assert np.array_equal(unpack(written(2, array, payload), (size,), "|u1"), array)


@pytest.mark.parametrize("level", [-5, 1, 3, 19])
def test_a_frame_of_any_level_is_read(level: int) -> None:
    array = maps(0.9).reshape(-1)
    blob = written(1, array, zstd.compress(array.tobytes(), level))
    assert np.array_equal(unpack(blob, array.shape, "|u1"), array)


def test_what_follows_a_frame_is_neither_decompressed_nor_passed_over() -> None:
    array = maps(0.9).reshape(-1)
    frame = zstd.compress(array.tobytes())
    for more in (frame, b"\0", zstd.compress(bytes(2**20))):
        with pytest.raises(DamagedBlob, match="does not end"):
            unpack(written(1, array, frame + more))
    with pytest.raises(DamagedBlob):
        unpack(written(1, array, frame[:-3]))


def test_a_zstd_without_our_parameter_writes_what_is_read_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    never = {2**30: 1}
    with pytest.raises((zstd.ZstdError, ValueError)):
        zstd.ZstdCompressor(options=never)
    monkeypatch.setattr(blobs._codecs, "compressor", blobs._compressor(never))
    array = maps(0.5)
    blob = pack(array, compress=True)
    assert np.array_equal(unpack(blob), array)
    assert len(blob) < array.size


@given(
    filled=st.sampled_from([0.0, 0.3, 0.9]),
    side=st.sampled_from([9, 20]),
    compress=st.booleans(),
    data=st.data(),
)
def test_any_flipped_bit_is_noticed(
    filled: float, side: int, compress: bool, data: st.DataObject
) -> None:
    blob = bytearray(pack(maps(filled)[:, :side, :side], compress=compress))
    bit = data.draw(st.integers(0, 8 * len(blob) - 1))
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DamagedBlob):
        unpack(bytes(blob))


@given(side=st.sampled_from([9, 20]), compress=st.booleans(), data=st.data())
def test_a_cut_blob_is_noticed(side: int, compress: bool, data: st.DataObject) -> None:
    blob = pack(maps(0.4)[:, :side, :side], compress=compress)
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
