"""Whether a value that was read is of the kind that is written there, whatever made it."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Literal, NoReturn, Union, get_args, get_origin, get_type_hints
from typing import is_typeddict as is_fields

Parts = tuple[Any, ...]
"""What a generic type is made of."""

MOST: Final = 2**63
"""A whole number from here on fits into no column and no array."""
_NAMES: Final = {
    NoneType: "nothing",
    bool: "yes or no",
    int: "a whole number",
    float: "a number",
    str: "text",
    bytes: "bytes",
    list: "a list",
    dict: "an object",
}


def fits(value: Any, kind: Any) -> bool:
    """Say whether a value is of a kind, all that is in it included.

    Args:
        value: what was read, from JSON or a database.
        kind: a type as it is annotated: ``int``, ``str | None``, ``list[float]``, a ``TypedDict``
            (what it does not name may be anything) or a dataclass; a compiled pattern for text.
            A whole number is a ``float`` too, but neither is yes or no, and what JSON has no word
            for, as infinity, is none; text must be Unicode, so that it can be sent.
    """
    if kind is Any:
        return True
    simple = _SIMPLE.get(kind)
    if simple is not None:
        return simple(value)
    made_of = _MADE_OF.get(get_origin(kind))
    if made_of is not None:
        return made_of(value, get_args(kind))
    if isinstance(kind, re.Pattern):
        return type(value) is str and kind.fullmatch(value) is not None
    if is_fields(kind) or dataclasses.is_dataclass(kind):
        return _has_fields(value, kind)
    return isinstance(value, get_origin(kind) or kind)


def sound(value: Any) -> bool:
    """Say whether every dataclass in a value has fields of the kinds that it names.

    What an annotation names that is imported for annotations alone may be anything.
    """
    kind: Any = type(value)
    if dataclasses.is_dataclass(kind):
        return _has_fields(value, kind) and all(
            sound(getattr(value, field.name)) for field in dataclasses.fields(kind)
        )
    if type(value) in (list, tuple):
        return all(map(sound, value))
    return type(value) is not dict or all(map(sound, value.values()))


def name_of(value: Any) -> str:
    """Return what a value is, in words."""
    return _NAMES.get(type(value), f"a {type(value).__name__}")


def read_json(text: str | bytes) -> Any:
    """Return what JSON says; NaN and infinity are none.

    Raises:
        ValueError: it is no JSON, or it is nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _is_text(value: Any) -> bool:
    if type(value) is not str:
        return False
    try:
        # What is ASCII is known to be so, and is not looked through.
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def _is_whole(value: Any) -> bool:
    return type(value) is int and -MOST <= value < MOST


_SIMPLE: Final[dict[Any, Callable[[Any], bool]]] = {
    NoneType: lambda value: value is None,
    None: lambda value: value is None,
    bool: lambda value: type(value) is bool,
    int: _is_whole,
    float: lambda value: _is_whole(value) or (type(value) is float and not math.isinf(value)),
    str: _is_text,
    bytes: lambda value: type(value) is bytes,
}


def _is_one_of(value: Any, parts: Parts) -> bool:
    return any(fits(value, part) for part in parts)


def _is_literal(value: Any, parts: Parts) -> bool:
    return any(type(value) is type(part) and value == part for part in parts)


def _is_list(value: Any, parts: Parts) -> bool:
    return type(value) in (list, tuple) and all(fits(one, parts[0]) for one in value)


def _is_tuple(value: Any, parts: Parts) -> bool:
    if parts[1:] == (Ellipsis,):
        return _is_list(value, parts)
    return (
        type(value) in (list, tuple) and len(value) == len(parts) and all(map(fits, value, parts))
    )


def _is_object(value: Any, parts: Parts) -> bool:
    names, values = parts
    return type(value) is dict and all(
        fits(name, names) and fits(one, values) for name, one in value.items()
    )


_MADE_OF: Final[dict[Any, Callable[[Any, Parts], bool]]] = {
    Union: _is_one_of,
    UnionType: _is_one_of,
    Literal: _is_literal,
    list: _is_list,
    Sequence: _is_list,
    tuple: _is_tuple,
    dict: _is_object,
    Mapping: _is_object,
}


def _has_fields(value: Any, kind: Any) -> bool:
    hints = _hints(kind)
    if is_fields(kind):
        return (
            type(value) is dict
            and kind.__required_keys__ <= value.keys()
            and all(fits(value[name], hint) for name, hint in hints.items() if name in value)
        )
    return isinstance(value, kind) and all(
        fits(getattr(value, name), hint) for name, hint in hints.items()
    )


@cache
def _hints(kind: Any) -> dict[str, object]:
    if is_fields(kind):
        return get_type_hints(kind)
    return {field.name: _hint(kind, field.type) for field in dataclasses.fields(kind)}


def _hint(kind: Any, annotation: Any) -> Any:
    try:
        return get_type_hints(
            type("", (), {"__annotations__": {"it": annotation}}),
            vars(sys.modules[kind.__module__]),
        )["it"]
    except NameError:
        return Any
