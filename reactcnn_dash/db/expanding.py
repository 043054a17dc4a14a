"""Reading back what is larger than its bytes: never more than was said beforehand."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reactcnn_dash.db.errors import DamagedBlob

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_TEXT: Final = 2**27
"""Bytes of a compressed text: a comparison of 1,000,000 images takes some 40 MB."""


def inflated(data: bytes, most: int = MOST_TEXT) -> bytes:
    """Return what zlib made into ``data``, of at most ``most`` bytes.

    Raises:
        DamagedBlob: it is damaged, cut short or would be larger.
    """
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(data, most)
    except zlib.error as error:
        raise DamagedBlob("cannot be decompressed") from error
    if not inflater.eof:
        raise DamagedBlob(f"is cut short, or would take more than {most:,} bytes")
    return found


def arrays_of(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays that ``numpy.savez`` made into ``data``.

    What it writes is not compressed, so that all arrays together are no larger than ``data``;
    NumPy believes each array's header, and would make room for whatever that asks for.

    Raises:
        DamagedBlob: it is no such archive, or asks for more than it holds.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if sum(one.file_size for one in members) > len(data):
                raise DamagedBlob("expands to more than was stored")
            return {
                one.filename.removesuffix(".npy"): _array_of(archive.read(one)) for one in members
            }
    except (ValueError, LookupError, OSError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise DamagedBlob("is not what was stored") from error


def _array_of(data: bytes) -> NDArray[Any]:
    file = io.BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise DamagedBlob("is in another format")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:
        raise DamagedBlob("holds something else than plain arrays")
    flat = np.frombuffer(data, dtype, offset=file.tell())
    return flat.reshape(shape, order="F" if fortran else "C")
