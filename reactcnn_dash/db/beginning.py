"""The rows of a run that begins: its checkpoint, the run itself and its layers."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from reactcnn_dash.db import models
from reactcnn_dash.db.packing import maps_kept, pack_kernel
from reactcnn_dash.db.records import RunState

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from reactcnn_dash.db.records import NewRun


def check_new(new: NewRun) -> None:
    """Refuse a run that contradicts itself.

    Raises:
        ValueError: saying what does not fit.
    """
    maps_kept(new.feature_maps)
    if not new.layers:
        raise ValueError("a run needs a layer")
    offset = 0
    for position, layer in enumerate(new.layers):
        if layer.position != position or layer.offset != offset or layer.filters < 1:
            msg = f"{layer.name}: layers must follow each other in position and offset"
            raise ValueError(msg)
        offset += layer.filters


def insert_run(connection: Connection, new: NewRun, owner: str) -> int:
    """Add the rows of a run collected by `owner` (see `new_token`); give the run's id."""
    now = datetime.now(UTC)
    none_yet = [None] * len(new.layers)
    values = {
        "uuid": str(uuid.uuid4()),
        "name": new.name,
        "checkpoint_id": _checkpoint_id(connection, new),
        "image_source": new.image_source,
        "image_identity": new.image_identity,
        "total": new.total,
        "batch_size": new.batch_size,
        "feature_maps": new.feature_maps,
        "class_names": list(new.class_names),
        "image_shape": list(new.image_shape),
        # The same weights may come from elsewhere in the next run.
        "options": {**new.options, "source": new.checkpoint_source},
        # Once more by itself: a list of runs does not read their options.
        "precision": new.options.get("precision"),
        "state": RunState.COLLECTING,
        "created_at": now,
        "heartbeat_at": now,
        "stored": 0,
        "labelled": 0,
        "correct": 0,
        "skipped": 0,
        "gap_low": none_yet,
        "gap_high": none_yet,
        "writer": owner,
        "experiment": new.experiment,
        "epoch": new.epoch,
        "note": "",
        "tags": [],
        "size": 0,
    }
    run_id = _new_id(connection.execute(insert(models.runs).values(values)))
    connection.execute(
        insert(models.layers),
        [
            {
                "run_id": run_id,
                "position": layer.position,
                "name": layer.name,
                "kind": layer.kind,
                "tap": layer.tap,
                "filters": layer.filters,
                "height": layer.height,
                "width": layer.width,
                "gap_offset": layer.offset,
            }
            for layer in new.layers
        ],
    )
    return run_id


def _checkpoint_id(connection: Connection, new: NewRun) -> int:
    table = models.checkpoints
    found = connection.execute(
        select(table.c.id).where(table.c.sha256 == new.checkpoint_sha256)
    ).scalar()
    if found is not None:
        return int(found)
    values = {
        "sha256": new.checkpoint_sha256,
        "model": new.model,
        "parameters": new.parameters,
        "source": new.checkpoint_source,
    }
    checkpoint_id = _new_id(connection.execute(insert(table).values(values)))
    if new.kernels:
        rows = [pack_kernel(kernel) | {"checkpoint_id": checkpoint_id} for kernel in new.kernels]
        connection.execute(insert(models.kernels), rows)
    return checkpoint_id


def _new_id(result: Any) -> int:
    return int(result.inserted_primary_key[0])
