"""Slim networks that were made of a checkpoint, with what was measured of each."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from sqlalchemy import bindparam, delete, insert, select

from reactcnn_dash.db import models, queries
from reactcnn_dash.db.errors import DamagedBlob
from reactcnn_dash.db.expanding import inflated
from reactcnn_dash.db.opening import saving
from reactcnn_dash.kinds import fits, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from reactcnn_dash.db.address import StoreUrl
    from reactcnn_dash.db.queries import AnyRow

_table = models.slimmings
_LEVEL = 6
_MOST_FILTERS = 2**24
_OF_CHECKPOINT = (
    select(_table)
    .where(
        _table.c.checkpoint_id
        == select(models.runs.c.checkpoint_id)
        .where(models.runs.c.id == bindparam("run"))
        .scalar_subquery()
    )
    .order_by(_table.c.id)
)
_BY_ID = select(_table).where(_table.c.id == bindparam("slimming"))
_BY_RUN = (
    select(_table)
    .where(_table.c.run_after == bindparam("run"))
    .order_by(_table.c.id.desc())
    .limit(1)
)
_CHECKPOINT = select(models.checkpoints.c.id).where(
    models.checkpoints.c.sha256 == bindparam("sha256")
)
_RUN_ID = select(models.runs.c.id).where(models.runs.c.uuid == bindparam("uuid"))


class Width(TypedDict):
    """How many filters a layer had and has."""

    name: str
    before: int
    after: int


class Result(TypedDict, total=False):
    """What is read of a result here; whoever needs more looks whether it is there."""

    layers: list[Width]


class Channels(TypedDict, total=False):
    """What is read of a channel map: the filters that stay, by layer."""

    layers: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class NewSlimming:
    """What is stored of a slim network.

    Attributes:
        checkpoint: SHA-256 of the weights that it was made of (hex).
        before: UUID of the run of the whole network that it was measured against, or None.
        after: UUID of its own run over the same images, or None.
        method: how its filters were chosen.
        output: absolute path of its ``.keras`` file.
        result: what ``NAME-result.json`` says.
        channels: what ``NAME-channels.json`` says.
    """

    checkpoint: str
    before: str | None
    after: str | None
    method: str
    output: str
    result: Mapping[str, Any]
    channels: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slimming:
    """A stored slim network, see :class:`NewSlimming`; runs by their ids, None if gone."""

    id: int
    before: int | None
    after: int | None
    made_at: datetime
    method: str
    output: str
    result: dict[str, Any]
    channels: dict[str, Any]


def save_slimming(url: StoreUrl, new: NewSlimming) -> bool:
    """Store a slim network, in place of the one that its file was before.

    Returns:
        Whether it is stored: only where the store has a run of the network that it was made of.

    Raises:
        StoreError: if the store is missing or cannot be written.
    """
    with saving(url) as (connection, _):
        connection.execute(delete(_table).where(_table.c.output == new.output))
        checkpoint = connection.execute(_CHECKPOINT, {"sha256": new.checkpoint}).scalar()
        if checkpoint is None:
            return False
        before, after = (_run_id(connection, uuid) for uuid in (new.before, new.after))
        values = {
            "checkpoint_id": checkpoint,
            "run_before": before,
            "run_after": after,
            "made_at": datetime.now(UTC),
            "method": new.method,
            "output": new.output,
            "result": _pack(new.result),
            "channels": _pack(new.channels),
        }
        connection.execute(insert(_table), [values])
    return True


def find_slimmings(connection: Connection, run_id: int) -> tuple[Slimming, ...]:
    """Return those of a run's network, the first made first; damaged ones are left out."""
    rows = queries.sound_rows(connection, _OF_CHECKPOINT, run=run_id)
    return tuple(found for row in rows if (found := _slimming_of(row)) is not None)


def find_slimming(connection: Connection, slimming_id: int) -> Slimming | None:
    """Return one by its id, None when there is none or it is damaged."""
    rows = queries.sound_rows(connection, _BY_ID, slimming=slimming_id)
    return _slimming_of(rows[0]) if rows else None


def find_source(connection: Connection, run_id: int) -> Slimming | None:
    """Return the one that a run is of, None for a run of any other network."""
    rows = queries.sound_rows(connection, _BY_RUN, run=run_id)
    return _slimming_of(rows[0]) if rows else None


def _run_id(connection: Connection, uuid: str | None) -> int | None:
    if uuid is None:
        return None
    found: int | None = connection.execute(_RUN_ID, {"uuid": uuid}).scalar()
    return found


def _pack(value: Mapping[str, Any]) -> bytes:
    return zlib.compress(json.dumps(value, allow_nan=False).encode(), _LEVEL)


def _slimming_of(row: AnyRow) -> Slimming | None:
    try:
        result, channels = (read_json(inflated(b)) for b in (row.result, row.channels))
    except (DamagedBlob, ValueError):
        return None
    if not (fits(result, Result) and fits(channels, Channels)):
        return None
    if not all(
        0 <= one["after"] <= one["before"] <= _MOST_FILTERS for one in result.get("layers", [])
    ):
        return None
    return Slimming(
        id=row.id,
        before=row.run_before,
        after=row.run_after,
        made_at=row.made_at,
        method=row.method,
        output=row.output,
        result=result,
        channels=channels,
    )
