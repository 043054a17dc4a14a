"""Settings that hold for every test."""

from __future__ import annotations

import gc
import os
import signal
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import postgres, temporary

if TYPE_CHECKING:
    from collections.abc import Iterator

BROWSER = Path(__file__).parent / "browser"

USUAL_SECONDS = {
    "unit": 0.1,
    "database": 0.3,
    "fitting": 1.0,
    "browser": 2.0,
    "process": 3.0,
    "long": 5.0,
}
"""What a test with a marker takes, by and large."""

# No deadline: a slow machine is not a fault. On CI the same examples every time, so that a change
# is judged by what it changes; everywhere else new ones are tried.
settings.register_profile("everywhere", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "everywhere")

# A shell starts background jobs with Ctrl-C ignored; the programs that tests interrupt would
# inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

temporary.make_in_memory()

# Python looks for garbage among all objects whenever a quarter is new. With what TensorFlow and
# thousands of tests leave standing that was a twelfth of the time; so it does so less often.
gc.set_threshold(gc.get_threshold()[0], gc.get_threshold()[1], 100)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark browser tests by their folder, those on PostgreSQL, and as units whatever is left.

    Files that take long come first: each goes to whoever is free, and at the end nobody waits for
    the last one.
    """
    seconds: defaultdict[Path, float] = defaultdict(float)
    for item in items:
        if BROWSER in item.path.parents:
            item.add_marker(pytest.mark.browser)
        elif not any(item.get_closest_marker(name) for name in ("process", "fitting", "long")):
            item.add_marker(pytest.mark.database if _asks_a_server(item) else pytest.mark.unit)
        seconds[item.path] += max(
            usual for name, usual in USUAL_SECONDS.items() if item.get_closest_marker(name)
        )
    items.sort(key=lambda item: -seconds[item.path])


def _asks_a_server(item: pytest.Item) -> bool:
    """Return whether a test is tried on PostgreSQL."""
    callspec, names = getattr(item, "callspec", None), getattr(item, "fixturenames", ())
    chosen = None if callspec is None else callspec.params.get("any_store")
    return chosen == "postgresql" or not {"databases", "own_server"}.isdisjoint(names)


@pytest.fixture(scope="session")
def databases() -> Iterator[postgres.Databases]:
    """A PostgreSQL server, started when the first test asks for it."""
    with postgres.databases() as made:
        yield made


@pytest.fixture(scope="module")
def own_server() -> Iterator[postgres.OwnServer]:
    """A server of a module's own, to be stopped, killed and set up as it likes."""
    server = postgres.OwnServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def binaries() -> Path:
    """The folder of PostgreSQL's programs."""
    return postgres.binaries()


@pytest.fixture
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store's URL where nothing is stored yet; a test that asks for it runs on both databases."""
    with postgres.asked_for(request, tmp_path) as url:
        yield url


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let every test that asks for `any_store` run on both databases."""
    chosen = any(
        "any_store" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")
    )
    # Those of a file look at the file.
    if "any_store" in metafunc.fixturenames and not chosen:
        both = ("sqlite",) if "path" in metafunc.fixturenames else ("sqlite", "postgresql")
        metafunc.parametrize("any_store", both, indirect=True)
