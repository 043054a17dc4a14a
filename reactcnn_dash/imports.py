"""Importing a library without what it imports besides, where that is there, for nobody here."""

from __future__ import annotations

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
