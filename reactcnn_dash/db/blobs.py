"""Arrays as self-describing bytes: magic, dtype, shape, compression and a CRC-32 over all of it.

Layout, little-endian: 4 bytes magic, 1 dtype letter, 1 compression (0 none, 1 zstd, 2 zeros left
out), 1 number of dimensions, 1 zero, 4 CRC-32, then 4 bytes a dimension, zeros up to a multiple
of 8, payload. The payload starts aligned, so an uncompressed array is read in place.

Maps are frames of zstd, but in Huffman's code alone: half of a map after a ReLU is 0 and the rest
noise, so looking for repetitions costs twice the time and gains nothing. "Zeros left out", a bitmap
of the bytes that are not 0 and then these, is for small arrays, and was how all maps were written
once. `docs/performance.md` has what each takes, and what others would.
"""

from __future__ import annotations

import math
import struct
import threading
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reactcnn_dash.db.backport import zstd
from reactcnn_dash.db.errors import DamagedBlob

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MAGIC = b"RCB1"

MOST_BYTES = 2**28
"""Of a compressed array of which nothing is known beforehand."""
_PLAIN, _ZSTD, _ZEROS = range(3)

# Above this share of bytes that are not 0 a bitmap gains too little.
_DENSE = 0.6

# Below this number of bytes zstd is not tried.
_WORTH_IT = 4096

# The fast strategy takes such long steps that it sees long repetitions alone, as of a layer's lows.
_FAST: Final[Mapping[int, int]] = {
    zstd.CompressionParameter.strategy: zstd.Strategy.fast,
    zstd.CompressionParameter.window_log: 18,
    zstd.CompressionParameter.hash_log: 8,
    zstd.CompressionParameter.min_match: 7,
}
_LONG_STEPS: Final[Mapping[int, int]] = {
    # zstd's `literalCompressionMode`, which has no name here: Huffman's code in spite of them.
    1002: 1,
    zstd.CompressionParameter.target_length: 2048,
}

_HEAD = struct.Struct("<4s4BI")
_LETTERS = {
    "|b1": b"?", "|i1": b"b", "|u1": b"B", "<i2": b"h", "<u2": b"H", "<i4": b"i", "<u4": b"I",
    "<i8": b"q", "<u8": b"Q", "<f2": b"e", "<f4": b"f", "<f8": b"d",
}  # fmt: skip
_CODES = {dtype: letter[0] for dtype, letter in _LETTERS.items()}
_DTYPES = {letter[0]: np.dtype(dtype) for dtype, letter in _LETTERS.items()}

PRUNED: Final = b"RCBP"
"""Stands where a value was pruned; one that is empty, or anything else, is damaged."""


class _Codecs(threading.local):
    """zstd for one thread: costly to make, and not to be shared."""

    def __init__(self) -> None:
        self.compressor = _compressor(_LONG_STEPS)


def _compressor(steps: Mapping[int, int]) -> zstd.ZstdCompressor:
    try:
        return zstd.ZstdCompressor(options={**_FAST, **steps})
    except (zstd.ZstdError, ValueError):
        # That parameter is one of those that zstd may give up: larger then, but as right.
        return zstd.ZstdCompressor(options=_FAST)


_codecs = _Codecs()


def pack(array: NDArray[Any], compress: bool = False) -> bytes:
    """Return `array` (any shape; bool, integers, float16/32/64) as bytes for `unpack`.

    With `compress` the payload is made smaller where that is possible.

    Raises:
        TypeError: if the dtype is none of those.
    """
    code = _CODES.get(array.dtype.str)
    if code is None:
        dtype = array.dtype.newbyteorder("<")
        if dtype.str not in _CODES:
            msg = f"arrays of {array.dtype} cannot be stored"
            raise TypeError(msg)
        return pack(array.astype(dtype), compress)
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    compression, payload = _compress(flat) if compress else (_PLAIN, (flat.data,))
    dimensions = struct.pack(f"<{array.ndim}I", *array.shape)
    dimensions += bytes(-(_HEAD.size + len(dimensions)) % 8)
    check = _checksum(code, compression, array.ndim, dimensions, *payload)
    head = _HEAD.pack(MAGIC, code, compression, array.ndim, 0, check)
    return b"".join((head, dimensions, *payload))


def unpack(
    blob: bytes, shape: tuple[int, ...] | None = None, dtype: str | None = None
) -> NDArray[Any]:
    """Return the array that `pack` made into `blob`, read-only.

    Args:
        blob: the bytes.
        shape: what it must have, so that a header cannot ask for more memory than is due; without
            one a compressed array may have `MOST_BYTES`.
        dtype: what it must have, such as `<f4`; None for any.

    Raises:
        DamagedBlob: if anything about the bytes is not as `pack` left it, or not what is due.
    """
    if len(blob) < _HEAD.size:
        raise DamagedBlob(f"cut short to {len(blob)} bytes")
    magic, code, compression, ndim, zero, check = _HEAD.unpack_from(blob)
    if magic != MAGIC or zero:
        raise DamagedBlob("does not start like a stored array")
    start = _HEAD.size + 4 * ndim
    start += -start % 8
    if len(blob) < start:
        raise DamagedBlob(f"cut short to {len(blob)} bytes")
    payload = memoryview(blob)[start:]
    if _checksum(code, compression, ndim, blob[_HEAD.size : start], payload) != check:
        raise DamagedBlob("fails its checksum")
    kind = _DTYPES.get(code)
    if kind is None or compression not in (_PLAIN, _ZSTD, _ZEROS):
        raise DamagedBlob("has an unknown dtype or compression")
    found = struct.unpack_from(f"<{ndim}I", blob, _HEAD.size)
    if (shape is not None and found != shape) or (dtype is not None and kind != np.dtype(dtype)):
        due = f"{dtype or kind.str} {found if shape is None else shape}"
        raise DamagedBlob(f"is {kind.str} {found} instead of {due}")
    size = math.prod(found) * kind.itemsize
    if shape is None and compression != _PLAIN and size > MOST_BYTES:
        raise DamagedBlob(f"would take {size:,} bytes")
    if compression == _ZSTD:
        payload = _decompress(payload, size)
    elif compression == _ZEROS:
        payload = _put_zeros_back(payload, size)
    if len(payload) != size:
        raise DamagedBlob(f"has {len(payload)} bytes instead of {size}")
    array: NDArray[Any] = np.frombuffer(payload, kind).reshape(found)
    array.flags.writeable = False
    return array


def _checksum(
    code: int, compression: int, ndim: int, dimensions: bytes, *payload: memoryview | bytes
) -> int:
    check = zlib.crc32(bytes((code, compression, ndim)) + dimensions)
    for part in payload:
        check = zlib.crc32(part, check)
    return check


def _compress(flat: NDArray[np.uint8]) -> tuple[int, tuple[memoryview | bytes, ...]]:
    """Return how the payload is compressed, and its parts: they are joined only once."""
    if flat.size >= _WORTH_IT:
        packed = _codecs.compressor.compress(flat.data, zstd.ZstdCompressor.FLUSH_FRAME)
        return (_ZSTD, (packed,)) if len(packed) < flat.size else (_PLAIN, (flat.data,))
    filled = flat != 0
    count = np.count_nonzero(filled)
    if count == 0:
        return _ZEROS, ()
    if count <= _DENSE * flat.size:
        return _ZEROS, (np.packbits(filled).data, np.compress(filled, flat).data)
    return _PLAIN, (flat.data,)


def _decompress(payload: memoryview, size: int) -> memoryview:
    try:
        # Asked first, so that a wrong header cannot make the decompressor allocate without bound.
        if zstd.get_frame_info(payload).decompressed_size != size:
            raise DamagedBlob("decompresses to another size")
        decompressor = zstd.ZstdDecompressor()
        data = decompressor.decompress(payload, size)
    except zstd.ZstdError as error:
        raise DamagedBlob("cannot be decompressed") from error
    if not decompressor.eof or decompressor.unused_data:
        raise DamagedBlob("does not end with what was compressed")
    return memoryview(data)


def _put_zeros_back(payload: memoryview, size: int) -> memoryview:
    if not payload:
        return np.zeros(size, np.uint8).data
    stored = np.frombuffer(payload, np.uint8)
    bitmap = -(-size // 8)
    if len(stored) < bitmap:
        raise DamagedBlob(f"has {len(stored)} bytes instead of {bitmap} and more")
    where = np.flatnonzero(np.unpackbits(stored[:bitmap], count=size))
    if len(where) != len(stored) - bitmap:
        raise DamagedBlob("has a bitmap that does not fit it")
    flat = np.zeros(size, np.uint8)
    flat[where] = stored[bitmap:]
    return flat.data
