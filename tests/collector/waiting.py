"""Wait for what another thread or process does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE = 60.0
"""Seconds after which something that should happen has not happened."""


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as the condition holds; fail at the deadline."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
