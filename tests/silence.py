"""Writers that fall silent, for the tests: no test waits until one does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import update

from reactcnn_dash.db import models
from reactcnn_dash.db.address import StoreAddress
from reactcnn_dash.db.ownership import HEARD
from tests.postgres import engine_of

if TYPE_CHECKING:
    from reactcnn_dash.db import StoreUrl


def fall_silent(store: StoreUrl, seconds: float = 11) -> None:
    """Let every run's process have been silent for so long, to whoever looks for the first time.

    Negative seconds are those of a clock that is ahead.
    """
    old = datetime.now(UTC) - timedelta(seconds=seconds)
    with engine_of(StoreAddress.of(store).url).begin() as connection:
        connection.execute(update(models.runs).values(heartbeat_at=old))
    HEARD.forget()
