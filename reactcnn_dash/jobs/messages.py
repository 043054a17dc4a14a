"""What two processes say to each other by a pipe: a line of JSON, and arrays as they are in memory.

A message is one line of JSON, ``{"head": …, "arrays": [[name, dtype, shape], …]}``, and behind it
the bytes of the arrays in their order, C order, little-endian.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np

from reactcnn_dash.errors import FAILED, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_LONGEST_LINE: Final = 2**24
_MOST_BYTES: Final = 2**31


class BrokenMessage(UserError):
    """What came by the pipe is no message."""

    exit_code = FAILED


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One message: ``head`` as JSON has it, ``arrays`` by name."""

    head: dict[str, Any]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)


def write_message(
    stream: IO[bytes], head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None
) -> None:
    """Write a message whole, and flush.

    Raises:
        OSError: the other end is gone.
    """
    plain = {
        name: np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        for name, array in (arrays or {}).items()
    }
    described = [[name, array.dtype.str, array.shape] for name, array in plain.items()]
    line = json.dumps({"head": dict(head), "arrays": described}, separators=(",", ":"))
    parts = [array.tobytes() for array in plain.values()]
    stream.write(b"".join([line.encode(), b"\n", *parts]))
    stream.flush()


def read_message(stream: IO[bytes]) -> Message | None:
    """Read the next message; None at the end of the stream, also in the middle of a message.

    Raises:
        BrokenMessage: what came is no message.
    """
    line = stream.readline(_LONGEST_LINE)
    if not line.endswith(b"\n"):
        return None
    try:
        said = json.loads(line)
        head = dict(said["head"])
        described = [
            (str(name), np.dtype(dtype), tuple(int(one) for one in shape))
            for name, dtype, shape in said["arrays"]
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise BrokenMessage(f"no message of this program: {line[:60]!r}.") from error
    arrays = {}
    for name, dtype, shape in described:
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if dtype.hasobject or not 0 <= size <= _MOST_BYTES:
            raise BrokenMessage(f"no array can be read as {dtype} of shape {shape}.")
        data = stream.read(size)
        if len(data) < size:
            return None
        arrays[name] = np.frombuffer(data, dtype).reshape(shape)
    return Message(head, arrays)
