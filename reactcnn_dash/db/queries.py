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
)

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
    from sqlalchemy import Connection, Row

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
        shares.c.images.label("shared_images"),
        shares.c.workers,
    )
    .join(checkpoints)
    .outerjoin(shares, shares.c.run_id == runs.c.id)
)

RUN_BY_ID = _RUN.where(runs.c.id == _run_id)
RUN_LATEST = _RUN.where(runs.c.id == _latest)
RUN_BY_UUID = _RUN.where(runs.c.uuid == bindparam("uuid"))
RUN_BY_NAME = _RUN.where(runs.c.name == bindparam("name")).order_by(runs.c.id.desc()).limit(1)
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
    select(func.sum(layers.c.filters)).where(layers.c.run_id == _run_id).scalar_subquery()
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
_NUMBER: ColumnElement[int] = images.c.ordinal + literal_column("0")
ANSWERS = select(images.c.ordinal, images.c.label, images.c.prediction, images.c.confidence).where(
    images.c.run_id == _run_id, bindparam("stop") > _NUMBER
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
STATE_LAYERS = select(correlation_states.c.layer).where(correlation_states.c.run_id == _run_id)

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


def find_run(connection: Connection, ref: int | str, place: str) -> AnyRow:
    """Return the row of a run named by id, UUID or name (the newest of that name).

    `place` names the store in the error.

    Raises:
        RunNotFound: if there is none.
    """
    row = None
    # A longer number is no id: it is larger than what a database holds.
    if isinstance(ref, int) or (ref.isascii() and ref.isdigit() and len(ref) < 19):
        row = connection.execute(RUN_BY_ID, {"run_id": int(ref)}).first()
    if row is None and isinstance(ref, str):
        row = connection.execute(RUN_BY_UUID, {"uuid": ref}).first()
        row = row or connection.execute(RUN_BY_NAME, {"name": ref}).first()
    if row is None:
        raise RunNotFound(f"{place}: no run {ref!r}")
    return row


def look_at_run(connection: Connection, ref: int | str, place: StoreAddress) -> AnyRow:
    """Return the row of a run as `find_run` does, in a transaction of its own."""
    with transaction(connection, place):
        return find_run(connection, ref, str(place))
