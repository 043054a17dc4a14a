"""What readers see of a shared run: the images before the first gap, and the sums over them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypedDict

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from reactcnn_dash.db import models, queries
from reactcnn_dash.db.columns import optional
from reactcnn_dash.db.errors import DamagedBlob
from reactcnn_dash.db.packing import pack_state, unpack_state
from reactcnn_dash.db.records import RunState
from reactcnn_dash.db.results import save_states

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, Table

    from reactcnn_dash.db.packing import Moments, PackedState
    from reactcnn_dash.db.queries import AnyRow
    from reactcnn_dash.db.records import CorrelationState, Layer

    Merge: TypeAlias = Callable[[CorrelationState, CorrelationState], CorrelationState]
    Packed: TypeAlias = Mapping[int, Moments]

_runs, _ranges, _states = models.runs, models.ranges, models.range_states
_maps = models.feature_maps
_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Folding:
    """How a shared run is folded.

    Attributes:
        run_id: the run.
        layers: its layers.
        merge: see `SharedRun.begin`.
        kept: how many images keep their feature maps, None for all.
    """

    run_id: int
    layers: tuple[Layer, ...]
    merge: Merge
    kept: int | None

    def publish(self, connection: Connection, start: int, states: Packed) -> tuple[int, bool]:
        """Count what the first gap no longer hides after a batch of the range from `start` on.

        Args:
            connection: in a transaction that holds the run's row.
            start: the range.
            states: those of the range by layer, packed, if it is finished now.

        Returns:
            By how many bytes the run has grown, rows aside, and whether it is finished now.
        """
        if self._first(connection) != start:
            if states:
                rows = [
                    {
                        "run_id": self.run_id,
                        "start": start,
                        "layer": layer,
                        "n": one["n"],
                        "moments": one["moments"],
                    }
                    for layer, one in states.items()
                ]
                connection.execute(insert(_states), rows)
            return 0, False
        grown, labelled, correct, stored, whole = 0, 0, 0, start, True
        error_sum, error_count = 0.0, 0
        found = self._unfolded(connection, start)
        while found and whole:
            for row in found:
                if row.start != stored:
                    whole = False
                    break
                stored = row.start + row.done
                labelled += row.labelled
                correct += row.correct
                error_sum += row.error_sum or 0.0
                error_count += row.error_count or 0
                whole = stored == row.stop
                if row.labelled or row.correct or row.error_count or whole:
                    none = {"error_sum": None, "error_count": None}
                    counted = {"labelled": 0, "correct": 0, "folded": whole} | none
                    this = (_ranges.c.run_id == self.run_id, _ranges.c.start == row.start)
                    connection.execute(update(_ranges).where(*this).values(counted))
                if not whole:
                    break
                grown += self._fold(connection, row, states if row.start == start else {})
            else:
                found = self._unfolded(connection, found[-1].stop)
        values: dict[str, Any] = {
            "stored": stored,
            "labelled": _runs.c.labelled + labelled,
            "correct": _runs.c.correct + correct,
            **more_errors(_runs, (error_sum,), error_count),
        }
        whole = whole and self._first(connection) is None
        if whole:
            values |= {"state": RunState.FINISHED, "ended_at": datetime.now(UTC)}
        connection.execute(update(_runs).where(_runs.c.id == self.run_id).values(values))
        return grown - self.drop_maps(connection, stored), whole

    def _first(self, connection: Connection) -> int | None:
        """Return where the first range begins that is not folded; only who has the run folds."""
        unfolded = (_ranges.c.run_id == self.run_id, ~_ranges.c.folded)
        found: int | None = connection.execute(
            select(func.min(_ranges.c.start, type_=optional(_ranges.c.start))).where(*unfolded)
        ).scalar()
        return found

    def _unfolded(self, connection: Connection, first: int) -> Sequence[AnyRow]:
        """Return ranges that are not folded, but for those that a worker is storing a batch of.

        It waits for us, and counts what it stores itself: to wait for it would be for ever.
        """
        return connection.execute(
            select(*_ranges.c)
            .where(_ranges.c.run_id == self.run_id, ~_ranges.c.folded, _ranges.c.start >= first)
            .order_by(_ranges.c.start)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()

    def _fold(self, connection: Connection, row: AnyRow, given: Packed) -> int:
        """Fold a finished range's states into the run's; give by how many bytes these have grown.

        Where the run's do not end at the range, since somebody made them anew from the rows, or
        where one is damaged, they stay as they are: readers add the rows that follow themselves.
        """
        packed = dict(given) or self._taken(connection, row.start)
        folded: list[PackedState] = []
        for layer in self.layers:
            key = {"run_id": self.run_id, "layer": layer.position}
            old = connection.execute(queries.STATE, key).first()
            new = packed[layer.position]
            if (0 if old is None else old.covered) != row.start:
                return 0
            if old is None:
                folded.append({**new, "layer": layer.position, "covered": row.stop})
                continue
            size = layer.filters
            try:
                before = unpack_state(layer.position, row.start, old.n, old.moments, size)
                this = unpack_state(layer.position, row.stop, new["n"], new["moments"], size)
            except DamagedBlob:
                return 0
            folded.append(pack_state(self.merge(before, this)))
        return save_states(connection, self.run_id, folded)

    def _taken(self, connection: Connection, start: int) -> dict[int, Moments]:
        """Take the states of a range out of the store."""
        of_range = (_states.c.run_id == self.run_id, _states.c.start == start)
        found = connection.execute(select(*_states.c).where(*of_range)).all()
        connection.execute(delete(_states).where(*of_range))
        return {one.layer: {"n": one.n, "moments": one.moments} for one in found}

    def drop_maps(self, connection: Connection, stored: int) -> int:
        """Drop the maps that the run does not keep; give the bytes that they had."""
        if self.kept is None or stored <= self.kept:
            return 0
        dropped = (_maps.c.run_id == self.run_id, _maps.c.ordinal < stored - self.kept)
        size = func.length(_maps.c.scales) + func.length(_maps.c.codes)
        freed = connection.execute(select(func.coalesce(func.sum(size), 0)).where(*dropped))
        taken = int(freed.scalar_one())
        connection.execute(delete(_maps).where(*dropped))
        return taken


class Errors(TypedDict, total=False):
    """The columns that count errors; empty where there is nothing to add."""

    error_sum: ColumnElement[float]
    error_count: ColumnElement[int]


def more_errors(table: Table, errors: Sequence[float], count: int | None = None) -> Errors:
    """Return the columns of a run or range that count errors, with more of them.

    Args:
        table: the runs or the ranges.
        errors: what is added.
        count: of how many images these are; one each if not given.
    """
    count = len(errors) if count is None else count
    if not count:
        return {}
    return {
        "error_sum": func.coalesce(table.c.error_sum, 0.0) + sum(errors),
        "error_count": func.coalesce(table.c.error_count, 0) + count,
    }
