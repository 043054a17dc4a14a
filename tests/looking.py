"""Looking into a store past the product, and changing it by hand: on either database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from reactcnn_dash.db.address import StoreAddress
from tests.postgres import engine_of

if TYPE_CHECKING:
    from reactcnn_dash.db import StoreUrl


def rows(store: StoreUrl, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """What a statement finds; bytes as bytes on both databases."""
    with engine_of(StoreAddress.of(store).url).connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), values)]


def change(store: StoreUrl, statement: str, **values: Any) -> int:
    """Carry out a statement; how many rows it was about."""
    with engine_of(StoreAddress.of(store).url).begin() as connection:
        return int(connection.execute(text(statement), values).rowcount)
