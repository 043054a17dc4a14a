"""Comparisons of two runs, kept so that nobody waits for them twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select

from reactcnn_dash.db import models, queries
from reactcnn_dash.db.opening import saving

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from reactcnn_dash.db.address import StoreUrl

_table = models.comparisons


@dataclass(frozen=True, slots=True)
class ComparisonKey:
    """What a comparison was made of.

    `a` and `b` are ids of runs, `images_a` and `images_b` how many images they had; `parameter` is
    None where each layer has its own.
    """

    a: int
    b: int
    method: str
    parameter: float | None
    images_a: int
    images_b: int


def save_comparison(url: StoreUrl, key: ComparisonKey, result: bytes) -> None:
    """Store a comparison, in place of those of the same runs, method and parameter.

    Raises:
        RunNotFound: if the store has not both runs.
        StoreError: if the store is missing or cannot be written.
    """
    values = {
        "run_a": key.a,
        "run_b": key.b,
        "method": key.method,
        "parameter": key.parameter,
        "images_a": key.images_a,
        "images_b": key.images_b,
        "result": result,
    }
    with saving(url) as (connection, place):
        for run in (key.a, key.b):
            queries.find_run(connection, run, str(place))
        connection.execute(delete(_table).where(*_same(key)))
        connection.execute(insert(_table), [values])


def find_comparison(connection: Connection, key: ComparisonKey) -> bytes | None:
    """Return the result stored for a key, None when there is none for these numbers of images."""
    statement = (
        select(_table.c.result)
        .where(
            *_same(key),
            _table.c.images_a == bindparam("images_a"),
            _table.c.images_b == bindparam("images_b"),
        )
        .order_by(_table.c.id.desc())
        .limit(1)
    )
    values = {"images_a": key.images_a, "images_b": key.images_b}
    found: bytes | None = connection.execute(statement, values).scalar()
    return found


def _same(key: ComparisonKey) -> list[ColumnElement[bool]]:
    if key.parameter is None:
        parameter: ColumnElement[bool] = _table.c.parameter.is_(None)
    else:
        parameter = _table.c.parameter == key.parameter
    return [
        _table.c.run_a == key.a,
        _table.c.run_b == key.b,
        _table.c.method == key.method,
        parameter,
    ]
