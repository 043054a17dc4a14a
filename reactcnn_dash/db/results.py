"""Results kept beside a run's rows: correlation states and clusterings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import bindparam, delete, func, insert, select, update

from reactcnn_dash.db import models, queries
from reactcnn_dash.db.address import StoreAddress
from reactcnn_dash.db.blobs import pack
from reactcnn_dash.db.engine import transaction
from reactcnn_dash.db.opening import close_writing, open_for_writing, saving
from reactcnn_dash.db.ownership import judge, refuse_busy
from reactcnn_dash.db.packing import pack_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from reactcnn_dash.db.address import StoreUrl
    from reactcnn_dash.db.packing import PackedState
    from reactcnn_dash.db.records import Clustering, CorrelationState

_states = models.correlation_states
_ADD_STATE = insert(_states)
_SET_STATE = (
    update(_states)
    .where(_states.c.run_id == bindparam("run"), _states.c.layer == bindparam("position"))
    .values(covered=bindparam("covered"), n=bindparam("n"), moments=bindparam("moments"))
)

_STATES_SIZE = select(func.coalesce(func.sum(func.length(_states.c.moments)), 0)).where(
    _states.c.run_id == bindparam("run")
)
_GROW = (
    update(models.runs)
    .where(models.runs.c.id == bindparam("run"))
    .values(size=models.runs.c.size + bindparam("grown"))
)


def save_clustering(url: StoreUrl, run_id: int, clustering: Clustering) -> None:
    """Store a clustering, in place of one of the same layer, method, parameter and images.

    Raises:
        RunNotFound: if the store has no such run.
        StoreError: if the store is missing or cannot be written.
    """
    table = models.clusterings
    key = {
        "run_id": run_id,
        "layer": clustering.layer,
        "method": clustering.method,
        "parameter": float(clustering.parameter),
        "images": clustering.images,
    }
    labels = pack(clustering.labels.astype(np.int32))
    with saving(url) as (connection, place):
        queries.find_run(connection, run_id, str(place))
        same = [table.c[name] == value for name, value in key.items()]
        connection.execute(delete(table).where(*same))
        connection.execute(insert(table), [key | {"labels": labels}])


def replace_states(url: StoreUrl, run_id: int, states: Sequence[CorrelationState]) -> None:
    """Put `states` in place of all correlation states of a run that nobody is collecting.

    Raises:
        RunNotFound: if the store has no such run.
        RunBusy: if a living process is collecting it.
        StoreError: if the store is missing or cannot be written.
    """
    place = StoreAddress.of(url)
    rows = [pack_state(state) for state in states]
    connection = open_for_writing(place, wal=True)
    try:
        alive = judge(lambda: queries.look_at_run(connection, run_id, place))
        with transaction(connection, place):
            row = queries.find_run(connection, run_id, str(place))
            refuse_busy(row, str(place), alive=alive(row))
            former = connection.execute(_STATES_SIZE, {"run": run_id}).scalar_one()
            connection.execute(delete(_states).where(_states.c.run_id == run_id))
            grown = save_states(connection, run_id, rows) - int(former)
            connection.execute(_GROW, {"run": run_id, "grown": grown})
    finally:
        close_writing(connection)


def save_states(connection: Connection, run_id: int, rows: Sequence[PackedState]) -> int:
    """Save states packed by `pack_state`, each in place of the layer's former one.

    Returns:
        By how many bytes the states have grown.
    """
    grown = 0
    # Changed where it stands: a state keeps its size, so SQLite writes over its pages in place.
    for row in rows:
        change = {
            "run": run_id,
            "position": row["layer"],
            "covered": row["covered"],
            "n": row["n"],
            "moments": row["moments"],
        }
        if connection.execute(_SET_STATE, change).rowcount == 0:
            connection.execute(_ADD_STATE, [{**row, "run_id": run_id}])
            grown += len(row["moments"])
    return grown
