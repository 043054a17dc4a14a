"""Feature maps that were computed again for an image, kept within the limit of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from reactcnn_dash.db import models, queries
from reactcnn_dash.db.columns import optional
from reactcnn_dash.db.opening import saving
from reactcnn_dash.db.packing import map_rows, maps_kept
from reactcnn_dash.db.records import RunState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from reactcnn_dash.db.address import StoreUrl
    from reactcnn_dash.db.records import MapBatch

_runs, _maps = models.runs, models.feature_maps
_OVER: Final = (RunState.FINISHED, RunState.INTERRUPTED)
_of_run = _maps.c.run_id == bindparam("run")
_COUNT = select(func.count()).select_from(_maps).where(_of_run)
_KNOWN = select(_maps.c.ordinal).where(_of_run, _maps.c.ordinal == bindparam("image"))
_OLDEST = select(func.min(_maps.c.ordinal, type_=optional(_maps.c.ordinal))).where(
    _of_run, _maps.c.ordinal >= bindparam("from")
)
_THIS = (_of_run, _maps.c.ordinal == bindparam("image"))
_SIZE = select(func.length(_maps.c.scales) + func.length(_maps.c.codes)).where(*_THIS)
_DROP = delete(_maps).where(*_THIS)


def save_maps(url: StoreUrl, run_id: int, ordinal: int, layers: Sequence[MapBatch]) -> bool:
    """Store the maps of an image that has none, if the run is over and keeps maps at all.

    A run that keeps those of its last N images never has more than N: where it is full, the oldest
    of the collector's own make room, and once none of these is left, the first.

    Args:
        url: the store, as a URL or path.
        run_id: the run.
        ordinal: the image.
        layers: its maps, of one image, one a layer by position.

    Returns:
        Whether they are stored now.

    Raises:
        RunNotFound: if the store has no such run.
        StoreError: if the store is missing or cannot be written.
    """
    row = map_rows(run_id, ordinal, layers)[0]
    with saving(url) as (connection, place):
        run = queries.find_run(connection, run_id, str(place))
        kept = maps_kept(run.feature_maps)
        if run.state not in _OVER or kept == 0 or not 0 <= ordinal < run.stored:
            return False
        if connection.execute(_KNOWN, {"run": run_id, "image": ordinal}).first() is not None:
            return True
        grown = len(row["scales"]) + len(row["codes"])
        if kept is not None:
            grown -= _make_room(connection, run_id, kept, run.stored - kept)
        connection.execute(insert(_maps), [row])
        connection.execute(
            update(_runs).where(_runs.c.id == run_id).values(size=_runs.c.size + grown)
        )
        return True


def _make_room(connection: Connection, run_id: int, kept: int, own: int) -> int:
    """Drop maps until one more image has room; return the bytes that they had.

    Args:
        connection: within a transaction.
        run_id: the run.
        kept: how many images keep their maps.
        own: ordinal of the first image whose maps the collector kept.
    """
    freed = 0
    for _ in range(connection.execute(_COUNT, {"run": run_id}).scalar_one() - kept + 1):
        oldest = connection.execute(_OLDEST, {"run": run_id, "from": own}).scalar()
        if oldest is None:
            oldest = connection.execute(_OLDEST, {"run": run_id, "from": 0}).scalar()
        which = {"run": run_id, "image": oldest}
        freed += int(connection.execute(_SIZE, which).scalar_one())
        connection.execute(_DROP, which)
    return freed
