"""Runs moved from one store to another, whatever databases these are: row by row, as they stand.

A run on its way is marked as one that is being deleted, so that nobody takes the part that has
arrived for a run: what is left of a deletion is the first images of a run, too. A move that was
killed is found by that mark and goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Table, and_, func, insert, or_, select, text, update

from reactcnn_dash.db import models, queries
from reactcnn_dash.db.address import StoreAddress
from reactcnn_dash.db.columns import optional
from reactcnn_dash.db.deletion import delete_run
from reactcnn_dash.db.engine import read_engine, transaction
from reactcnn_dash.db.errors import RunBusy, StoreError, StoreMissing
from reactcnn_dash.db.models import metadata
from reactcnn_dash.db.opening import close_writing, open_for_writing
from reactcnn_dash.db.ownership import judge, new_token, refuse_busy
from reactcnn_dash.db.records import RunState
from reactcnn_dash.db.version import require_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Engine

    from reactcnn_dash.db.address import StoreUrl
    from reactcnn_dash.db.queries import AnyRow

_STEP: Final = 64
"""Images of a transaction: some 11 MB of VGG-16 with all of its feature maps."""

_runs, _checkpoints = models.runs, models.checkpoints
_BY_ORDINAL: Final = (models.images, models.feature_maps, models.targets)
_OTHERS: Final = tuple(
    table for table in metadata.sorted_tables if "run_id" in table.c and table not in _BY_ORDINAL
)
"""Every table of which a run has rows, but for those that have one an image."""
_OWN: Final = ("id", "checkpoint_id", "writer", "beat", "heartbeat_at")
"""Columns of a run that mean something in its store and at its time only."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A run that arrived: its ids there and here, its images, and the SHA-256 of all its rows."""

    run_id: int
    here: int
    name: str
    images: int
    sha256: str


class Move:
    """A move between two stores; to be closed.

    Args:
        source: where the runs are.
        target: where they go; made when it is missing.

    Raises:
        StoreError: the two are one, or one of them cannot be used.
    """

    def __init__(self, source: StoreUrl, target: StoreUrl) -> None:
        self._url = source
        self._from, self._to = StoreAddress.of(source), StoreAddress.of(target)
        self._engine: Engine = read_engine(self._from)
        with self._reading() as connection:
            if not require_head(connection, self._from):
                raise StoreMissing(f"{self._from}: the store is empty: there is nothing to move")
        _refuse_one(self._from, self._to)
        self._connection = open_for_writing(self._to, create=True, wal=True, whole=True)
        try:
            if self._from.path is None and self._to.path is None:
                self._refuse_one_database()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the target."""
        close_writing(self._connection)

    def runs(self, refs: Sequence[str] = ()) -> list[AnyRow]:
        """Return the rows of the runs that are meant, the oldest first: all of them without a name.

        Raises:
            RunNotFound: one of them is not there.
        """
        with self._reading() as connection:
            found = [queries.find_run(connection, ref, str(self._from)) for ref in refs]
            if not refs:
                ids = connection.execute(select(_runs.c.id).order_by(_runs.c.id)).scalars().all()
                found = [queries.find_run(connection, one, str(self._from)) for one in ids]
        return sorted({row.id: row for row in found}.values(), key=lambda row: int(row.id))

    def copy(self, run: AnyRow, progress: Callable[[int], None]) -> Moved:
        """Bring a run to the target, whole, and hold each of its rows there against the source.

        Args:
            run: its row, as `runs` gave it.
            progress: told how many more images were copied, and then held against each other; of
                one that had been copied before, all at once.

        Raises:
            RunBusy: a living process is collecting, deleting or moving it.
            StoreError: the run there is another one, or one of the stores fails.
        """
        alive = judge(lambda: self._look(run.id))
        refuse_busy(self._look(run.id), str(self._from), alive=alive(self._look(run.id)))
        with self._reading() as connection:
            row = connection.execute(select(_runs).where(_runs.c.id == run.id)).one()
            # Of a run that several share there may be images behind a gap.
            ordinals = models.images.c.ordinal
            last = select(func.max(ordinals, type_=optional(ordinals))).where(
                models.images.c.run_id == run.id
            )
            found = connection.execute(last).scalar()
        end = 0 if found is None else int(found) + 1
        here, owner, arrived = self._arrive(row)
        if owner is None:
            progress(row.stored)
        else:
            progress(arrived)
            for first in range(arrived, end, _STEP):
                stop = min(first + _STEP, end)
                sizes = {"stored": stop, "size": row.size * stop // end}
                self._copy_images(row.id, here, owner, (first, stop), sizes)
                progress(stop - first)
            self._complete(row, here, owner)
        digest = self._verified(row, here, end, progress)
        return Moved(row.id, here, row.name, row.stored, digest)

    def carry_results(self, moved: Sequence[Moved]) -> None:
        """Bring what belongs to several runs: comparisons, and slim networks that were made."""
        with self._reading() as source, self._writing(alone=True) as target:
            uuids = dict(source.execute(select(_runs.c.id, _runs.c.uuid)).all())
            there = dict(target.execute(select(_runs.c.uuid, _runs.c.id)).all())
            known = {old: there[uuid] for old, uuid in uuids.items() if uuid in there}
            ids = [one.run_id for one in moved]
            _carry_comparisons(source, target, known, ids)
            _carry_slimmings(source, target, known, ids)

    def leave(self, moved: Moved) -> None:
        """Delete a run that has arrived from the source."""
        delete_run(self._url, moved.run_id)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with transaction(self._engine, self._from) as connection:
            yield connection

    @contextmanager
    def _writing(self, *, alone: bool = False) -> Iterator[Connection]:
        with transaction(self._connection, self._to, alone=alone) as connection:
            yield connection

    def _refuse_one_database(self) -> None:
        """Refuse two names of one database: a lock that is held by one name is not free by another.

        Raises:
            StoreError: they are one.
        """
        key = secrets.randbits(62)
        schema = text("SELECT current_schema()")
        with self._reading() as one, self._writing() as other:
            held = text(f"SELECT pg_advisory_xact_lock({key})")
            free = text(f"SELECT pg_try_advisory_xact_lock({key})")
            one.execute(held)
            same = not other.execute(free).scalar_one()
            if same and one.execute(schema).scalar() == other.execute(schema).scalar():
                raise StoreError(f"{self._to}: that is the store the runs are in: name another")

    def _look(self, run_id: int) -> AnyRow:
        with self._reading() as connection:
            return queries.find_run(connection, run_id, str(self._from))

    def _arrive(self, row: AnyRow) -> tuple[int, str | None, int]:
        """Return the run's id in the target, our token, and how many images have arrived.

        There is no token for a run that had arrived whole before.
        """
        find = select(_runs).where(_runs.c.uuid == row.uuid)
        with self._writing() as connection:
            there = connection.execute(find).first()
        if there is not None and there.state != RunState.DELETING:
            return int(there.id), None, int(there.stored)
        if there is not None:
            place, here = self._to, int(there.id)
            alive = judge(lambda: queries.look_at_run(self._connection, here, place))
            if alive(queries.look_at_run(self._connection, here, place)):
                raise RunBusy(
                    f"{place}: run {here} is being moved or deleted by another process: wait for it"
                )
        owner = new_token()
        mark = {
            "state": RunState.DELETING,
            "writer": owner,
            "heartbeat_at": datetime.now(UTC),
            "name": f"{row.name} (on its way)",
        }
        with self._writing(alone=True) as target:
            again = target.execute(find).first()
            if (there is None) != (again is None):
                raise RunBusy(f"{self._to}: another process is moving run {row.id}: wait for it")
            if again is not None:
                target.execute(update(_runs).where(_runs.c.id == again.id).values(mark))
                return int(again.id), owner, int(again.stored)
            values = _values(row, _runs, *_OWN) | mark | {"stored": 0, "size": 0, "beat": 0}
            with self._reading() as source:
                self._require_own_key(source, target, row)
                values["checkpoint_id"] = _carry_checkpoint(source, target, row.checkpoint_id)
            made = target.execute(insert(_runs).values(values)).inserted_primary_key
            return int(made[0]), owner, 0  # type: ignore[index]

    def _require_own_key(self, source: Connection, target: Connection, row: AnyRow) -> None:
        """Refuse a shared run whose workers would find another one in the target.

        Raises:
            StoreError: a shared run of the target has the same key.
        """
        shares = models.shares
        key = source.execute(select(shares.c.key).where(shares.c.run_id == row.id)).scalar()
        if key is None:
            return
        other = target.execute(select(shares.c.run_id).where(shares.c.key == key)).scalar()
        if other is not None:
            raise StoreError(
                f"{self._to}: run {other} is shared by the name {key!r} already, as run {row.id} "
                f"({row.name}) of {self._from} is: delete or move that one first"
            )

    def _copy_images(
        self, run: int, here: int, owner: str, span: tuple[int, int], sizes: dict[str, Any]
    ) -> None:
        with self._reading() as source:
            found = [
                (table, source.execute(_images_of(table, run, *span)).all())
                for table in _BY_ORDINAL
            ]
        with self._writing() as target:
            self._hold(target, here, owner, sizes)
            for table, rows in found:
                if rows:
                    changed = [_values(one, table) | {"run_id": here} for one in rows]
                    target.execute(insert(table), changed)

    def _complete(self, row: AnyRow, here: int, owner: str) -> None:
        """Bring the rest of a run, and let it be a run."""
        final = _at_rest(_values(row, _runs, "id", "checkpoint_id"))
        with self._reading() as source, self._writing() as target:
            self._hold(target, here, owner, {})
            for table in _OTHERS:
                target.execute(table.delete().where(table.c.run_id == here))
                found = source.execute(select(table).where(table.c.run_id == row.id)).all()
                if found:
                    changed = [_values(one, table, "id") | {"run_id": here} for one in found]
                    target.execute(insert(table), changed)
            target.execute(update(_runs).where(_runs.c.id == here).values(final))

    def _hold(self, target: Connection, here: int, owner: str, values: dict[str, Any]) -> None:
        mine = (_runs.c.id == here, _runs.c.writer == owner)
        beat = {"heartbeat_at": datetime.now(UTC), "beat": _runs.c.beat + 1}
        if target.execute(update(_runs).where(*mine).values(values | beat)).rowcount != 1:
            raise RunBusy.taken_over(self._to, here)

    def _verified(self, row: AnyRow, here: int, end: int, progress: Callable[[int], None]) -> str:
        """Return the SHA-256 of all rows of a run if they are the same in both stores.

        All its images lie before the ordinal ``end``.

        Raises:
            StoreError: they are not.
        """
        whole = hashlib.sha256()
        with self._writing() as connection:
            there = connection.execute(select(_runs).where(_runs.c.id == here)).one()
        sides = [_at_rest(_values(one, _runs)) for one in (row, there)]
        said = [{name: one[name] for name in one if name not in _OWN} for one in sides]
        self._agree([_digest([one]) for one in said], row, "what is said of it", whole)
        for table in _OTHERS:
            digests = self._digests(table, row.id, here, _of_run)
            self._agree(digests, row, table.name, whole)
        for first in range(0, max(1, end), _STEP):
            # The last part is open: nothing may stand behind the last image either.
            stop = first + _STEP if first + _STEP < end else 2**31 - 1

            def part(table: Table, run: int, a: int = first, b: int = stop) -> ColumnElement[bool]:
                return and_(table.c.run_id == run, table.c.ordinal >= a, table.c.ordinal < b)

            for table in _BY_ORDINAL:
                self._agree(self._digests(table, row.id, here, part), row, table.name, whole)
            progress(max(0, min(_STEP, end - first)))
        return whole.hexdigest()

    def _digests(
        self, table: Table, run: int, here: int, part: Callable[[Table, int], ColumnElement[bool]]
    ) -> list[bytes]:
        order = [column for column in table.primary_key if column.name not in ("id", "run_id")]
        with self._reading() as connection:
            one = connection.execute(select(table).where(part(table, run)).order_by(*order)).all()
        with self._writing() as connection:
            other = connection.execute(
                select(table).where(part(table, here)).order_by(*order)
            ).all()
        sides = ([_values(row, table, "id", "run_id") for row in rows] for rows in (one, other))
        return [_digest(side) for side in sides]

    def _agree(self, digests: Sequence[bytes], row: AnyRow, what: str, whole: Any) -> None:
        if digests[0] != digests[1]:
            raise StoreError(
                f"{self._to}: run {row.id} ({row.name}) is not there as it is in {self._from} "
                f"({what}): it stays in both; delete the one there and move again"
            )
        whole.update(digests[0])


def _refuse_one(source: StoreAddress, target: StoreAddress) -> None:
    if source.path is not None and target.path is not None:
        same = target.path.exists() and source.path.samefile(target.path)
    else:
        same = source.url == target.url
    if same:
        raise StoreError(f"{target}: that is the store the runs are in: name another")


def _values(row: AnyRow, table: Table, *without: str) -> dict[str, object]:
    return {
        column.name: getattr(row, column.name) for column in table.c if column.name not in without
    }


def _at_rest(values: dict[str, object]) -> dict[str, object]:
    """Return a run's values as those of one that nobody collects: what stalled was interrupted."""
    if values["state"] != RunState.COLLECTING:
        return values
    ended = values["ended_at"] or values["heartbeat_at"]
    return values | {"state": str(RunState.INTERRUPTED), "ended_at": ended}


def _of_run(table: Table, run: int) -> ColumnElement[bool]:
    return table.c.run_id == run


def _images_of(table: Table, run: int, first: int, stop: int) -> Any:
    return select(table).where(
        table.c.run_id == run, table.c.ordinal >= first, table.c.ordinal < stop
    )


def _digest(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the SHA-256 of rows in any order, the same whatever database they come from."""
    each = sorted(hashlib.sha256(b"".join(map(_bytes, row.items()))).digest() for row in rows)
    return hashlib.sha256(b"".join(each)).digest()


def _bytes(item: tuple[str, Any]) -> bytes:
    name, value = item
    if isinstance(value, (bytes, memoryview)):
        told = bytes(value)
    elif isinstance(value, datetime):
        told = value.astimezone(UTC).isoformat().encode()
    else:
        told = json.dumps(value, sort_keys=True).encode()
    return f"{name} {type(value).__name__} {len(told)} ".encode() + told


def _carry_checkpoint(source: Connection, target: Connection, checkpoint: int) -> int:
    row = source.execute(select(_checkpoints).where(_checkpoints.c.id == checkpoint)).one()
    there = target.execute(
        select(_checkpoints.c.id).where(_checkpoints.c.sha256 == row.sha256)
    ).scalar()
    if there is not None:
        return int(there)
    made = target.execute(insert(_checkpoints).values(_values(row, _checkpoints, "id")))
    here = int(made.inserted_primary_key[0])  # type: ignore[index]
    kernels = models.kernels
    found = source.execute(select(kernels).where(kernels.c.checkpoint_id == checkpoint)).all()
    if found:
        changed = [_values(one, kernels) | {"checkpoint_id": here} for one in found]
        target.execute(insert(kernels), changed)
    return here


def _carry_comparisons(
    source: Connection, target: Connection, known: Mapping[int, int], moved: Sequence[int]
) -> None:
    table = models.comparisons
    of_them = or_(table.c.run_a.in_(moved), table.c.run_b.in_(moved))
    for row in source.execute(select(table).where(of_them).order_by(table.c.id)):
        if row.run_a not in known or row.run_b not in known:
            continue
        values = _values(row, table, "id")
        values |= {"run_a": known[row.run_a], "run_b": known[row.run_b]}
        key = [
            table.c[name].is_(None) if value is None else table.c[name] == value
            for name, value in values.items()
            if name != "result"
        ]
        if target.execute(select(table.c.id).where(*key)).first() is None:
            target.execute(insert(table).values(values))


def _carry_slimmings(
    source: Connection, target: Connection, known: Mapping[int, int], moved: Sequence[int]
) -> None:
    table = models.slimmings
    checkpoints = select(_runs.c.checkpoint_id).where(_runs.c.id.in_(moved))
    found = source.execute(
        select(table, _checkpoints.c.sha256)
        .join(_checkpoints)
        .where(table.c.checkpoint_id.in_(checkpoints))
        .order_by(table.c.id)
    )
    for row in found:
        here = target.execute(
            select(_checkpoints.c.id).where(_checkpoints.c.sha256 == row.sha256)
        ).scalar()
        there = select(func.count()).select_from(table).where(table.c.output == row.output)
        if here is None or target.execute(there).scalar_one():
            continue
        values = _values(row, table, "id") | {"checkpoint_id": here}
        for name in ("run_before", "run_after"):
            values[name] = known.get(getattr(row, name))
        target.execute(insert(table).values(values))
