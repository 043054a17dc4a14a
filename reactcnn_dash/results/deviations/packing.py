"""Nested dataclasses of arrays as bytes, without running anything that stands in them."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any, TypeVar

import numpy as np

from reactcnn_dash.db import DamagedBlob, arrays_of

T = TypeVar("T")

_TREE = "tree"
_NUMBERS = "biuf"


def to_bytes(value: Any) -> bytes:
    """Return a value made of dataclasses, dicts, tuples, arrays and plain values as bytes.

    Floating arrays are kept as float32, which is plenty for what is estimated from a sample.
    """
    arrays: dict[str, Any] = {}
    tree = json.dumps(_flat(value, arrays))
    buffer = io.BytesIO()
    arrays[_TREE] = np.array(tree)
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def from_bytes(data: bytes, kind: type[T], *others: type[Any]) -> T:
    """Return the value that ``to_bytes`` made into ``data``.

    Args:
        data: the bytes.
        kind: the dataclass that is wanted.
        *others: the dataclasses inside it; no other is made.

    Raises:
        DamagedBlob: the bytes are not of such a value.
    """
    known = {one.__name__: one for one in (kind, *others)}
    try:
        arrays = arrays_of(data)
        value = _deep(json.loads(str(arrays[_TREE])), arrays, known)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedBlob("is not what was stored") from error
    if not isinstance(value, kind):
        raise DamagedBlob("is something else than what was stored")
    return value


def _flat(value: Any, arrays: dict[str, Any]) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            field.name: _flat(getattr(value, field.name), arrays)
            for field in dataclasses.fields(value)
        }
        return {"of": type(value).__name__, "fields": fields}
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value.astype(np.float32) if value.dtype == np.float64 else value
        return {"array": name, "dtype": value.dtype.str}
    if isinstance(value, tuple):
        return [_flat(one, arrays) for one in value]
    if isinstance(value, dict):
        return {"items": [[key, _flat(one, arrays)] for key, one in value.items()]}
    return value


def _deep(tree: Any, arrays: Any, known: dict[str, type[Any]]) -> Any:
    if isinstance(tree, list):
        return tuple(_deep(one, arrays, known) for one in tree)
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        dtype = np.dtype(tree["dtype"])
        if dtype.kind not in _NUMBERS:
            raise DamagedBlob("holds something else than numbers")
        return arrays[tree["array"]].astype(dtype)
    if "items" in tree:
        return {key: _deep(one, arrays, known) for key, one in tree["items"]}
    fields = {name: _deep(one, arrays, known) for name, one in tree["fields"].items()}
    return known[tree["of"]](**fields)
