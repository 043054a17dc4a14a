"""Settings that hold for every test."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

BROWSER = Path(__file__).parent / "browser"

# No deadline: a slow machine is not a fault. On CI the same examples every time, so that a change
# is judged by what it changes; everywhere else new ones are tried.
settings.register_profile("everywhere", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "everywhere")

# A shell starts background jobs with Ctrl-C ignored; the programs that tests interrupt would
# inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark browser tests by their folder, and as units whatever has no marker of these."""
    for item in items:
        if BROWSER in item.path.parents:
            item.add_marker(pytest.mark.browser)
        elif not any(item.get_closest_marker(name) for name in ("process", "fitting", "long")):
            item.add_marker(pytest.mark.unit)
