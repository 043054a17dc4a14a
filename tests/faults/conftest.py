"""What the tests of faults share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.writers import Writers

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def writers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Writers]:
    """Starts processes that write to a store."""
    with Writers(tmp_path_factory.mktemp("writers")) as ready:
        yield ready
