"""What a page sends to a callback, taken out by name and kind: a browser can send anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from reactcnn_dash.pages.json_routes import RequestRefused, real_number, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")


def mapping(value: Any, name: str = "what is asked for") -> dict[str, object]:
    """Return an object.

    Raises:
        RequestRefused: it is none.
    """
    if not isinstance(value, dict):
        raise RequestRefused(f"{name} is an object.")
    return value


def number(request: Mapping[str, object], name: str) -> int | None:
    """Return a whole number that may be missing.

    Raises:
        RequestRefused: it is something else, or larger than a store's numbers.
    """
    value = request.get(name)
    return None if value is None else whole(value, name)


def needed(request: Mapping[str, object], name: str) -> int:
    """Return a whole number that may not be missing.

    Raises:
        RequestRefused: it is, or it is something else.
    """
    return whole(request.get(name), name)


def real(request: Mapping[str, object], name: str) -> float | None:
    """Return a number that may be missing.

    Raises:
        RequestRefused: it is something else.
    """
    value = request.get(name)
    return None if value is None else real_number(value, name)


def text(request: Mapping[str, object], name: str) -> str | None:
    """Return text that may be missing.

    Raises:
        RequestRefused: it is something else.
    """
    value = request.get(name)
    if value is not None and not isinstance(value, str):
        raise RequestRefused(f"{name} is text.")
    return value


def texts(request: Mapping[str, object], name: str) -> list[str] | None:
    """Return a list of texts that may be missing.

    Raises:
        RequestRefused: it is something else.
    """
    if request.get(name) is None:
        return None
    return _listed(request, name, lambda one: text({name: one}, name) or "")


def numbers(request: Mapping[str, object], name: str) -> list[int]:
    """Return a list of whole numbers.

    Raises:
        RequestRefused: it is something else.
    """
    return _listed(request, name, lambda one: whole(one, name))


def _listed(request: Mapping[str, object], name: str, kind: Callable[[Any], T]) -> list[T]:
    value = request.get(name)
    if not isinstance(value, list):
        raise RequestRefused(f"{name} is a list.")
    return [kind(one) for one in value]
