from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reactcnn_dash.db import RunWriter
from tests.db.samples import batch, new_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reactcnn.db"


@pytest.fixture
def url(any_store: str) -> str:
    """A store's URL: of both databases in turn, or the one at `path` for who asks for that too."""
    return any_store


@pytest.fixture
def filled(url: str) -> str:
    """The URL of a store with one finished run of ten images."""
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 4))
        writer.append(batch(4, 6))
        writer.finish()
    return url
