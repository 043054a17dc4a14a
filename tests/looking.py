"""Looking into a store past the product, and changing it by hand: on either database."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from reactcnn_dash.db.address import StoreAddress
from tests.postgres import engine_of

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

    from reactcnn_dash.db import StoreUrl


def rows(store: StoreUrl, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """What a statement finds; bytes as bytes on both databases."""
    with _engine(_url(store)).connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), values)]


def change(store: StoreUrl, statement: str, **values: Any) -> int:
    """Carry out a statement; how many rows it was about."""
    with _engine(_url(store)).begin() as connection:
        return int(connection.execute(text(statement), values).rowcount)


def _url(store: StoreUrl) -> URL:
    place = StoreAddress.of(store)
    # A name without a folder means another file in another working directory.
    return place.url if place.path is None else place.url.set(database=str(place.path.absolute()))


@lru_cache(maxsize=64)
def _engine(url: URL) -> Engine:
    """Keep what SQLAlchemy found out about a database; no connection stays open."""
    return engine_of(url)
