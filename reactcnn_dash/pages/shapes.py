"""What every page may be sent; each page's own shapes stand in its folder.

``tools/generate.py`` makes types for the scripts of these.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class Empty(TypedDict):
    """A page with nothing to show: what is the matter, and what to type ("" for nothing)."""

    title: str
    text: str
    command: str


class Option(TypedDict):
    """An entry of a list to pick from."""

    value: str
    label: str


class Running(TypedDict):
    """Work that is under way; ``total`` is 0 until it is known."""

    status: Literal["running"]
    done: int
    total: int


class Refused(TypedDict):
    """Why there is no answer, in words for the person who asked."""

    status: Literal["refused"]
    message: str
