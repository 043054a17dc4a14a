"""What was worked out from a run and is kept, so that nobody waits for it twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select, update

from reactcnn_dash.db import models, queries
from reactcnn_dash.db.opening import saving

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from reactcnn_dash.db.address import StoreUrl

_table = models.reports
_SAME = (
    _table.c.run_id == bindparam("run"),
    _table.c.kind == bindparam("what"),
    _table.c.key == bindparam("settings"),
)
_FIND = select(_table.c.images, _table.c.value).where(*_SAME)
_REMOVE = delete(_table).where(*_SAME)
_NOTE_ODD = (
    update(models.runs).where(models.runs.c.id == bindparam("run")).values(odd=bindparam("count"))
)


@dataclass(frozen=True, slots=True)
class KeptResult:
    """Something worked out from the first `images` images of a run; `value` is its bytes."""

    images: int
    value: bytes


def keep_result(
    url: StoreUrl,
    run_id: int,
    kind: str,
    key: str,
    result: KeptResult,
    *,
    odd: int | None = None,
) -> None:
    """Store a result, in place of the one of the same kind and key.

    Args:
        url: the store, as a URL or path.
        run_id: the run.
        kind: what it is, at most 32 characters.
        key: with which settings, at most 128 characters.
        result: what to store.
        odd: by it, so many images of the run stand out; noted with it, for the list of
            runs.

    Raises:
        RunNotFound: if the store has no such run.
        StoreError: if the store is missing or cannot be written.
    """
    same = {"run": run_id, "what": kind, "settings": key}
    values = {"run_id": run_id, "kind": kind, "key": key}
    with saving(url) as (connection, place):
        queries.find_run(connection, run_id, str(place))
        connection.execute(_REMOVE, same)
        new = values | {"images": result.images, "value": result.value}
        connection.execute(insert(_table), [new])
        if odd is not None:
            connection.execute(_NOTE_ODD, {"run": run_id, "count": odd})


def find_kept(connection: Connection, run_id: int, kind: str, key: str) -> KeptResult | None:
    """Return the result of a run, None with none of this kind and key, or a damaged one."""
    same = {"run": run_id, "what": kind, "settings": key}
    rows = queries.sound_rows(connection, _FIND, **same)
    return KeptResult(rows[0].images, rows[0].value) if rows else None
