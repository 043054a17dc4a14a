"""Pruning: what is large of a run's older images goes, and the sums over all of them stay.

In small transactions beside collectors, from the first image on; one that was cut short goes on
when it is asked for again. In the place of pixels and GAP rows that are pruned stands a mark.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import delete, func, select, update

from reactcnn_dash.db import models, queries
from reactcnn_dash.db.address import StoreAddress
from reactcnn_dash.db.blobs import PRUNED
from reactcnn_dash.db.driver_errors import translated
from reactcnn_dash.db.engine import can_shrink, read_engine, sqlite_connection, transaction
from reactcnn_dash.db.errors import DamagedBlob, RunNotFound, StoreError
from reactcnn_dash.db.opening import close_writing, open_for_writing
from reactcnn_dash.db.ownership import judge, refuse_busy
from reactcnn_dash.db.pacing import Pace, shrink, size_on_server, vacuum_on_server
from reactcnn_dash.db.packing import unpack_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import ColumnElement, Connection, Table

    from reactcnn_dash.db.address import StoreUrl
    from reactcnn_dash.db.queries import AnyRow

    Keep: TypeAlias = Mapping[str, int]

PRUNABLE: Final = ("maps", "pixels", "gap")
"""What can be pruned: feature maps, pixels, GAP rows."""

_runs = models.runs
_TABLES: Final[dict[str, Table]] = {
    "maps": models.feature_maps,
    "pixels": models.images,
    "gap": models.images,
}


@dataclass(frozen=True, slots=True)
class Part:
    """What a pruning takes of one kind: how many of the images before `before`, and their bytes."""

    kind: str
    before: int
    images: int
    size: int


@dataclass(frozen=True, slots=True)
class PrunedRun:
    """What a pruning took, and by how many bytes the store's file has become smaller."""

    run_id: int
    name: str
    parts: tuple[Part, ...]
    given_back: int
    shrinks: bool
    on_server: bool = False


def plan_pruning(url: StoreUrl, ref: int | str, keep: Keep) -> tuple[Part, ...]:
    """Say what would go; nothing is changed.

    Args:
        url: the store.
        ref: the run, by id, UUID or name.
        keep: of how many images, the newest, each kind of `PRUNABLE` that is named stays.

    Raises:
        RunNotFound: if the store has no such run.
        RunBusy: if a living process is collecting or deleting it.
        StoreError: if GAP rows are to go and the sums over them are not whole.
    """
    place = StoreAddress.of(url)
    engine = read_engine(place)

    def look() -> AnyRow:
        with transaction(engine, place) as connection:
            return queries.find_run(connection, ref, str(place))

    alive = judge(look)
    with transaction(engine, place) as connection:
        row = queries.find_run(connection, ref, str(place))
        refuse_busy(row, str(place), alive=alive(row))
        return _parts(connection, place, row, keep)


def prune_run(
    url: StoreUrl, ref: int | str, keep: Keep, progress: Callable[[int], None] | None = None
) -> PrunedRun:
    """Prune a run, and give the space back; see `plan_pruning`.

    Args:
        url: the store.
        ref: the run, by id, UUID or name.
        keep: of how many images, the newest, each kind stays.
        progress: called with the number of images that were looked at, over all kinds, outside any
            transaction. What it raises stops the pruning; what is left is whole.

    Raises:
        As `plan_pruning`; StoreError too if the store cannot be written.
    """
    plan_pruning(url, ref, keep)
    place = StoreAddress.of(url)
    connection = open_for_writing(place, wal=True)
    given_back, seen = 0, 0
    try:
        raw = sqlite_connection(connection)
        shrinks = raw is None or can_shrink(raw)
        if raw is not None:
            raw.execute("PRAGMA secure_delete = OFF")
        before = None if raw is not None else size_on_server(connection, place)
        with transaction(connection, place):
            row = queries.find_run(connection, ref, str(place))
            parts = _parts(connection, place, row, keep)
        for part in parts:
            rows, pages, first = Pace(), Pace(), 0
            while first < part.before:
                stop = min(part.before, first + rows.step)
                began = time.monotonic()
                with transaction(connection, place):
                    _take(connection, place, row.id, part.kind, (first, stop))
                rows.took(time.monotonic() - began)
                if raw is not None and shrinks:
                    given_back += shrink(raw, place, pages)
                seen, first = seen + stop - first, stop
                if progress is not None:
                    progress(seen)
        if raw is not None:
            with translated(place):
                # The file itself shrinks as the log is folded into it.
                raw.execute("PRAGMA wal_checkpoint(PASSIVE)")
        elif before is not None:
            given_back = vacuum_on_server(connection, place, before)
        return PrunedRun(row.id, row.name, parts, given_back, shrinks, raw is None)
    finally:
        with translated(place):
            close_writing(connection)


def _parts(
    connection: Connection, place: StoreAddress, row: AnyRow, keep: Keep
) -> tuple[Part, ...]:
    parts = []
    for kind in PRUNABLE:
        if kind not in keep:
            continue
        before = max(0, row.stored - keep[kind])
        if kind == "gap" and before:
            before = min(before, _summed(connection, place, row))
        there = _there(kind, row.id, (0, before))
        counted = select(func.count(), func.coalesce(func.sum(_size(kind)), 0)).where(*there)
        images, size = connection.execute(counted).one()
        parts.append(Part(kind, before, int(images), int(size)))
    return tuple(parts)


def _summed(connection: Connection, place: StoreAddress, row: AnyRow) -> int:
    """Return how many images are in the sums of every layer: only their rows are not needed."""
    covered = []
    for layer in connection.execute(queries.LAYERS, {"run_id": row.id}).all():
        key = {"run_id": row.id, "layer": layer.position}
        state = connection.execute(queries.STATE, key).first()
        fault = "is missing" if state is None else _fault(state, layer)
        if state is None or fault is not None:
            raise StoreError(
                f"{place}: run {row.id} ({row.name}): the correlation state of layer {layer.name} "
                f"{fault}, and its GAP rows are all that tells of it: make it again first: "
                f"python -m collector rebuild {row.id} --store {place}"
            )
        covered.append(int(state.covered))
    return min(covered)


def _fault(state: AnyRow, layer: AnyRow) -> str | None:
    """Say what is wrong with a stored state, None for nothing."""
    try:
        unpack_state(layer.position, state.covered, state.n, state.moments, layer.filters)
    except DamagedBlob as error:
        return str(error)
    return None


def _take(
    connection: Connection, place: StoreAddress, run_id: int, kind: str, span: tuple[int, int]
) -> None:
    there = _there(kind, run_id, span)
    freed = connection.execute(select(func.coalesce(func.sum(_size(kind)), 0)).where(*there))
    size = int(freed.scalar_one())
    table = _TABLES[kind]
    if kind == "maps":
        connection.execute(delete(table).where(*there))
    elif size:
        connection.execute(update(table).where(*there).values({kind: PRUNED}))
    smaller = update(_runs).where(_runs.c.id == run_id).values(size=_runs.c.size - size)
    if connection.execute(smaller).rowcount != 1:
        raise RunNotFound(f"{place}: run {run_id} was deleted meanwhile")


def _there(kind: str, run_id: int, span: tuple[int, int]) -> list[ColumnElement[bool]]:
    """Return the conditions for rows of which something is left."""
    table = _TABLES[kind]
    within: list[ColumnElement[bool]] = [
        table.c.run_id == run_id,
        table.c.ordinal >= span[0],
        table.c.ordinal < span[1],
    ]
    return within if kind == "maps" else [*within, table.c[kind] != PRUNED]


def _size(kind: str) -> ColumnElement[Any]:
    table = _TABLES[kind]
    if kind == "maps":
        return func.length(table.c.scales) + func.length(table.c.codes)
    return func.length(table.c[kind]) - len(PRUNED)
