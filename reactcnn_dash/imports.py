"""Importing large libraries: without what they bring for nobody here, and without pauses."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Import as if these packages were not installed; afterwards they can be imported as ever.

    Those that are imported already stay. To be called before there are other threads.
    """
    # None says that there is no such module; the dictionary's type does not know that.
    modules: dict[str, Any] = sys.modules
    absent = [name for name in packages if name not in modules]
    modules.update(dict.fromkeys(absent))
    try:
        yield
    finally:
        for name in absent:
            del modules[name]


@contextmanager
def to_stay() -> Iterator[None]:
    """Make what stays until the process ends, without looking through it for garbage, now or later.

    A library of some thousand modules makes a million objects, and Python looks through all of them
    again and again: a sixth of the time until a network is there. Where all is loaded already,
    this changes nothing.
    """
    searched, loaded = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > loaded:
            gc.freeze()
        if searched:
            gc.enable()
