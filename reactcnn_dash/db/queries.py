"""Every statement that reads, built once.

They are Core selects on the models' tables: a poll pays neither for the ORM nor for building SQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    type_coerce,
)

from reactcnn_dash.db.columns import DamagedValue, optional
from reactcnn_dash.db.engine import transaction
from reactcnn_dash.db.errors import RunNotFound
from reactcnn_dash.db.models import (
    checkpoints,
    clusterings,
    correlation_states,
    feature_maps,
    images,
    kernels,
    layers,
    runs,
    shares,
    targets,
)
from reactcnn_dash.db.records import RunState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Row, Select

    from reactcnn_dash.db.address import StoreAddress

    AnyRow: TypeAlias = Row[*tuple[Any, ...]]


_run_id: BindParameter[int] = bindparam("run_id")
_ordinal: BindParameter[int] = bindparam("ordinal")
_latest = select(func.max(runs.c.id)).scalar_subquery()

_RUN = (
    select(
        *(column for column in runs.c if column.name != "checkpoint_id"),
        checkpoints.c.id.label("checkpoint_id"),
        checkpoints.c.sha256,
        checkpoints.c.model,
        checkpoints.c.parameters,
        checkpoints.c.source,
        _latest.label("latest_id"),
        type_coerce(shares.c.images, optional(shares.c.images)).label("shared_images"),
        type_coerce(shares.c.workers, optional(shares.c.workers)).label("workers"),
    )
    .join(checkpoints)
    .outerjoin(shares, shares.c.run_id == runs.c.id)
)

_BRIEF = select(
    *(
        runs.c[name]
        for name in (
            "id", "uuid", "name", "state", "stored", "size", "writer", "beat", "heartbeat_at",
            "ended_at",
        )
    )
)  # fmt: skip
"""What is needed of a run to delete it: also of one in which something else is damaged."""

RUN_BY_ID = _RUN.where(runs.c.id == _run_id)
RUN_LATEST = _RUN.where(runs.c.id == _latest)
RUNS = _RUN.order_by(runs.c.id.desc()).limit(bindparam("limit")).offset(bindparam("offset"))

WRITERS = select(runs.c.id, runs.c.writer, runs.c.beat, runs.c.heartbeat_at).where(
    runs.c.state.in_([RunState.COLLECTING, RunState.DELETING])
)
RUN_STATE = select(runs.c.state).where(runs.c.id == _run_id)
RUN_CHECKPOINT = select(runs.c.checkpoint_id).where(runs.c.id == _run_id)
SUMMARIES = (
    select(
        *(
            runs.c[name]
            for name in (
                "id", "uuid", "name", "image_source", "experiment", "epoch", "state", "created_at",
                "heartbeat_at", "ended_at", "stored", "total", "labelled", "correct", "skipped",
                "size", "note", "tags", "odd", "writer", "beat", "authors", "error_sum",
                "error_count", "precision",
            )
        ),
        checkpoints.c.sha256,
        checkpoints.c.model,
        checkpoints.c.source,
    )
    .join(checkpoints)
    .order_by(runs.c.id.desc())
)  # fmt: skip

LAYERS = select(*layers.c).where(layers.c.run_id == _run_id).order_by(layers.c.position)

_AT = (images.c.run_id == _run_id, images.c.ordinal == _ordinal)
# Never `confidence`: it stands behind `gap`, and reading it would walk through all its pages.
_IMAGE_COLUMNS = [column for column in images.c if column.name not in ("gap", "confidence")]
# What an image's arrays are due to be: the row says it, so that nothing larger is ever unpacked.
_RUN_SHAPE = (runs.c.image_shape, runs.c.class_names)
_WIDTH = (
    select(func.sum(layers.c.filters, type_=optional(layers.c.filters)))
    .where(layers.c.run_id == _run_id)
    .scalar_subquery()
).label("width")
OF_IMAGE: ColumnElement[bool] = and_(
    targets.c.run_id == images.c.run_id, targets.c.ordinal == images.c.ordinal
)
"""Joins an image's target, which most images have not."""
_TARGET = (targets.c.hits, targets.c.target, targets.c.error)
_OF_RUN = images.join(runs, runs.c.id == images.c.run_id).outerjoin(targets, OF_IMAGE)
IMAGE = select(*_IMAGE_COLUMNS, *_RUN_SHAPE, *_TARGET).select_from(_OF_RUN).where(*_AT)
IMAGE_WITH_GAP = (
    select(*_IMAGE_COLUMNS, *_RUN_SHAPE, *_TARGET, images.c.gap, _WIDTH)
    .select_from(_OF_RUN)
    .where(*_AT)
)
GAP = select(images.c.ordinal, images.c.gap, _WIDTH).where(*_AT)
GAP_RANGE = (
    select(images.c.ordinal, images.c.gap, _WIDTH)
    .where(
        images.c.run_id == _run_id,
        images.c.ordinal >= bindparam("start"),
        images.c.ordinal < bindparam("stop"),
    )
    .order_by(images.c.ordinal)
)
IMAGE_FACTS = (
    select(*(column for column in _IMAGE_COLUMNS if column.name != "pixels"), *_TARGET)
    .select_from(images.outerjoin(targets, OF_IMAGE))
    .where(
        images.c.run_id == _run_id,
        images.c.ordinal >= bindparam("start"),
        images.c.ordinal < bindparam("stop"),
    )
    .order_by(images.c.ordinal)
)
# A bare ordinal would let SQLite walk along the primary key, and read each row for the rest.
NUMBER: ColumnElement[int] = images.c.ordinal + literal_column("0")
ANSWERS = select(images.c.ordinal, images.c.label, images.c.prediction, images.c.confidence).where(
    images.c.run_id == _run_id, bindparam("stop") > NUMBER
)
ANSWERS_OF = select(
    images.c.ordinal, images.c.label, images.c.prediction, images.c.confidence
).where(images.c.run_id == _run_id, images.c.ordinal.in_(bindparam("ordinals", expanding=True)))
TARGETS = select(targets.c.ordinal, targets.c.hits, targets.c.error).where(
    targets.c.run_id == _run_id, targets.c.ordinal < bindparam("stop")
)
HASHES = (
    select(images.c.ordinal, images.c.sha256)
    .where(images.c.run_id == _run_id, images.c.ordinal < bindparam("stop"))
    .order_by(images.c.ordinal)
)
GAP_OF = select(images.c.ordinal, images.c.gap, _WIDTH).where(
    images.c.run_id == _run_id, images.c.ordinal.in_(bindparam("ordinals", expanding=True))
)
PIXELS = (
    select(images.c.ordinal, images.c.pixels, runs.c.image_shape)
    .join(runs)
    .where(runs.c.uuid == bindparam("uuid"), images.c.ordinal == _ordinal)
)
PIXELS_OF = (
    select(images.c.ordinal, images.c.pixels, runs.c.image_shape)
    .join(runs)
    .where(
        runs.c.uuid == bindparam("uuid"),
        images.c.ordinal.in_(bindparam("ordinals", expanding=True)),
    )
)
MAPS = (
    select(feature_maps.c.run_id, feature_maps.c.scales, feature_maps.c.codes)
    .join(runs, runs.c.id == feature_maps.c.run_id)
    .where(runs.c.uuid == bindparam("uuid"), feature_maps.c.ordinal == _ordinal)
)
WITH_MAPS = (
    select(feature_maps.c.ordinal)
    .where(feature_maps.c.run_id == _run_id)
    .order_by(feature_maps.c.ordinal)
)
# Of a shared run there may be images behind a gap: they are seen when the gap is closed.
_STORED = select(runs.c.stored).where(runs.c.id == _run_id).scalar_subquery()
_WRONG = (
    select(images.c.ordinal)
    .where(images.c.run_id == _run_id, images.c.misclassified, images.c.ordinal < _STORED)
    .limit(1)
)
WRONG_AFTER = _WRONG.where(images.c.ordinal > _ordinal).order_by(images.c.ordinal)
WRONG_BEFORE = _WRONG.where(images.c.ordinal < _ordinal).order_by(images.c.ordinal.desc())

KERNEL = (
    select(*kernels.c)
    .join(runs, runs.c.checkpoint_id == kernels.c.checkpoint_id)
    .where(runs.c.id == _run_id, kernels.c.layer == bindparam("layer"))
)

STATE = (
    select(*correlation_states.c, layers.c.filters)
    .join(
        layers,
        (layers.c.run_id == correlation_states.c.run_id)
        & (layers.c.position == correlation_states.c.layer),
    )
    .where(correlation_states.c.run_id == _run_id, correlation_states.c.layer == bindparam("layer"))
)

CLUSTERINGS_OF_RUN = (
    select(*clusterings.c)
    .where(clusterings.c.run_id == _run_id)
    .order_by(clusterings.c.layer, clusterings.c.method, clusterings.c.parameter)
    .order_by(clusterings.c.images)
)
CLUSTERINGS_OF_LAYER = CLUSTERINGS_OF_RUN.where(clusterings.c.layer == bindparam("layer"))
_CLUSTERING = select(*clusterings.c).where(
    clusterings.c.run_id == _run_id,
    clusterings.c.layer == bindparam("layer"),
    clusterings.c.method == bindparam("method"),
    clusterings.c.parameter == bindparam("parameter"),
)
CLUSTERING_LATEST = _CLUSTERING.order_by(clusterings.c.images.desc()).limit(1)
CLUSTERING = _CLUSTERING.where(clusterings.c.images == bindparam("images"))


_BY_ID = runs.c.id == _run_id
_BY_UUID = runs.c.uuid == bindparam("uuid")
_BY_NAME = runs.c.name == bindparam("name")
_WAYS: dict[bool, tuple[Select[Any], Select[Any], Select[Any]]] = {
    brief: (
        columns.where(_BY_ID),
        columns.where(_BY_UUID),
        columns.where(_BY_NAME).order_by(runs.c.id.desc()).limit(1),
    )
    for brief, columns in ((False, _RUN), (True, _BRIEF))
}


def find_run(connection: Connection, ref: int | str, place: str, *, brief: bool = False) -> AnyRow:
    """Return the row of a run named by id, UUID or name (the newest of that name).

    Args:
        connection: within a transaction.
        ref: names the run.
        place: names the store in the error.
        brief: only what is needed to delete it.

    Raises:
        RunNotFound: if there is none.
        DamagedValue: if what is asked for is damaged.
    """
    by_id, by_uuid, by_name = _WAYS[brief]
    row = None
    # A longer number is no id: it is larger than what a database holds.
    if isinstance(ref, int) or (ref.isascii() and ref.isdigit() and len(ref) < 19):
        row = first_run(connection, by_id, run_id=int(ref))
    if row is None and isinstance(ref, str):
        row = first_run(connection, by_uuid, uuid=ref)
        row = row or first_run(connection, by_name, name=ref)
    if row is None:
        raise RunNotFound(f"{place}: no run {ref!r}")
    return row


def look_at_run(
    connection: Connection, ref: int | str, place: StoreAddress, *, brief: bool = False
) -> AnyRow:
    """Return the row of a run as `find_run` does, in a transaction of its own."""
    with transaction(connection, place):
        return find_run(connection, ref, str(place), brief=brief)


def first_run(connection: Connection, statement: Select[Any], **values: Any) -> AnyRow | None:
    """Return the first row of a statement about runs.

    Raises:
        DamagedValue: naming the run.
    """
    try:
        return connection.execute(statement, values).first()
    except DamagedValue as error:
        (run_id,) = _ids(connection, statement, values)[:1]
        raise DamagedValue(f"run {run_id}: {error}") from error


def sound_rows(connection: Connection, statement: Select[Any], **values: Any) -> list[AnyRow]:
    """Return the rows of a statement but for those that are damaged."""
    return _looked_through(connection, statement, values)[0]


def sound_runs(
    connection: Connection, statement: Select[Any], **values: Any
) -> tuple[list[AnyRow], dict[int, DamagedValue]]:
    """Return the rows of a statement about runs, and what is wrong with the others, by their id."""
    rows, damaged = _looked_through(connection, statement, values)
    ids = _ids(connection, statement, values) if damaged else ()
    return rows, {ids[place]: error for place, error in damaged.items()}


def _looked_through(
    connection: Connection, statement: Select[Any], values: Mapping[str, Any]
) -> tuple[list[AnyRow], dict[int, DamagedValue]]:
    """Return the rows that are sound, and what is wrong with the others, by their place."""
    try:
        # In one go, which is faster: hardly ever is one damaged.
        return [*connection.execute(statement, values).all()], {}
    except DamagedValue:
        found = connection.execute(statement, values)
    rows: list[AnyRow] = []
    damaged: dict[int, DamagedValue] = {}
    while True:
        try:
            row = found.fetchone()
        except DamagedValue as error:
            damaged[len(rows) + len(damaged)] = error
            continue
        if row is None:
            return rows, damaged
        rows.append(row)


def _ids(
    connection: Connection, statement: Select[Any], values: Mapping[str, Any]
) -> Sequence[int]:
    alone = statement.with_only_columns(runs.c.id, maintain_column_froms=True)
    return connection.execute(alone, values).scalars().all()
