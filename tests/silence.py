"""Writers that fall silent, for the tests: no test waits until one does."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from reactcnn_dash.db.ownership import HEARD

if TYPE_CHECKING:
    from pathlib import Path


def fall_silent(path: Path, seconds: float = 11) -> None:
    """Let every run's process have been silent for so long, to whoever looks for the first time.

    Negative seconds are those of a clock that is ahead.
    """
    old = datetime.now(UTC) - timedelta(seconds=seconds)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE runs SET heartbeat_at = ?", (f"{old:%Y-%m-%d %H:%M:%S.%f}",))
    HEARD.forget()
