"""The schema: SQLAlchemy models of every table, using only what SQLite and PostgreSQL both have."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from reactcnn_dash.db.columns import KIND, LEAST, Checked

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name: batch migrations on SQLite find them by it."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC datetimes in every database; SQLite alone would hand them back naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return `value` in UTC."""
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return `value` aware, in UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Options(TypedDict, total=False):
    """What is read of a run's options where it is needed, beside what else a framework notes.

    What the pages draw of a network (``receptive_fields``, ``wiring``, ``costs``, ``rounding``) is
    looked at by whoever draws it: a run without is a run all the same.
    """

    framework: str
    preprocess: str | None
    custom: str | None
    head: str | None
    weights: str | None
    answers: Literal["classes", "labels", "values", "none"]
    thresholds: list[float] | None
    images: str | None
    pixel_range: str
    limit: int | None
    first: int | None
    reading: str | None
    value_range: str | None
    classes: str | None
    pace: float | None
    arithmetic: str | None
    precision: str


class Author(TypedDict):
    """Who wrote something, and when, ISO 8601."""

    by: str
    at: str


KEPT_MAPS: Final = re.compile(r"all|none|last:([1-9]\d{0,8})", re.ASCII)
"""Of how many images a run keeps the feature maps."""

State = Literal["collecting", "finished", "interrupted", "deleting"]
"""What a run may be stored as, see `records.RunState`."""


class Base(DeclarativeBase):
    """Holds the metadata of all tables."""

    metadata = MetaData(naming_convention=NAMES)


class CheckpointRow(Base):
    """A set of weights."""

    __tablename__ = "checkpoints"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    model: Mapped[str] = mapped_column(Text)
    parameters: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str] = mapped_column(Text)


class KernelRow(Base):
    """The weights of one convolution of a checkpoint, as far as a person can look at them.

    `weights` holds them whole where the layer sees few channels, as the first one does; of the
    others `spatial` and `channels` say how they are spread (see `records.Kernel`).
    """

    __tablename__ = "kernels"

    checkpoint_id: Mapped[int] = mapped_column(
        ForeignKey("checkpoints.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    layer: Mapped[str] = mapped_column(Text, primary_key=True)
    weights: Mapped[bytes | None] = mapped_column(LargeBinary)
    spatial: Mapped[bytes] = mapped_column(LargeBinary)
    channels: Mapped[bytes] = mapped_column(LargeBinary)


class RunRow(Base):
    """A run with the counters that make a poll cost the same however long the run is."""

    __tablename__ = "runs"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    name: Mapped[str] = mapped_column(Text)
    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoints.id"), index=True)
    image_source: Mapped[str] = mapped_column(Text)
    image_identity: Mapped[str] = mapped_column(String(64))
    total: Mapped[int | None]
    batch_size: Mapped[int]
    feature_maps: Mapped[str] = mapped_column(String(32), info={KIND: KEPT_MAPS})
    class_names: Mapped[list[str]] = mapped_column(JSON, info={KIND: list[str]})
    image_shape: Mapped[list[int]] = mapped_column(JSON, info={KIND: tuple[int, int, int]})
    options: Mapped[dict[str, Any]] = mapped_column(JSON, info={KIND: Options})
    state: Mapped[str] = mapped_column(String(16), info={KIND: State})
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stored: Mapped[int]
    labelled: Mapped[int]
    correct: Mapped[int]
    skipped: Mapped[int]
    gap_low: Mapped[list[float | None]] = mapped_column(JSON, info={KIND: list[float | None]})
    gap_high: Mapped[list[float | None]] = mapped_column(JSON, info={KIND: list[float | None]})
    rate: Mapped[float | None] = mapped_column(Double)
    writer: Mapped[str] = mapped_column(Text)
    experiment: Mapped[str | None] = mapped_column(Text, index=True)
    epoch: Mapped[int | None]
    note: Mapped[str] = mapped_column(Text, server_default="")
    tags: Mapped[list[str]] = mapped_column(JSON, server_default="[]", info={KIND: list[str]})
    size: Mapped[int] = mapped_column(BigInteger, server_default="0")
    odd: Mapped[int | None]
    beat: Mapped[int] = mapped_column(BigInteger, server_default="0")
    authors: Mapped[dict[str, dict[str, str]]] = mapped_column(
        JSON, server_default="{}", info={KIND: dict[str, Author]}
    )
    error_sum: Mapped[float | None] = mapped_column(Double)
    error_count: Mapped[int | None]
    precision: Mapped[str | None] = mapped_column(String(16))


class LayerRow(Base):
    """A tapped layer of a run."""

    __tablename__ = "layers"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(64))
    tap: Mapped[str] = mapped_column(Text)
    filters: Mapped[int]
    height: Mapped[int]
    width: Mapped[int]
    gap_offset: Mapped[int]


class ImageRow(Base):
    """An image of a run with its GAP values, all layers side by side in `gap`.

    The columns stand in the order in which SQLite should meet them: `gap`, the longest, comes last
    and spills to pages of its own, while the rest is read without it. In a table of its own the
    same row took 21.1 KB instead of 20.6 KB, since each image left most of a page empty.
    `confidence`, the probability of the prediction, may stand behind it: it is read from
    `ix_images_search` only. It is NULL for an image whose probabilities are not finite.
    """

    __tablename__ = "images"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    ordinal: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    label: Mapped[int | None]
    prediction: Mapped[int] = mapped_column(info={LEAST: -1})
    misclassified: Mapped[bool | None]
    finite: Mapped[bool]
    name: Mapped[str | None] = mapped_column(Text)
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    probabilities: Mapped[bytes] = mapped_column(LargeBinary)
    pixels: Mapped[bytes] = mapped_column(LargeBinary)
    gap: Mapped[bytes] = mapped_column(LargeBinary)
    confidence: Mapped[float | None] = mapped_column(Double)


# Covers a search: 50,000 images are looked through in some 2 MB instead of in their rows.
Index(
    "ix_images_search",
    ImageRow.run_id,
    ImageRow.label,
    ImageRow.prediction,
    ImageRow.misclassified,
    ImageRow.confidence,
    ImageRow.ordinal,
)

# The same in the two orders in which results are shown: a page of them is read where it stands,
# and the images before and behind it are not. What is always appended costs next to nothing.
Index(
    "ix_images_in_order",
    ImageRow.run_id,
    ImageRow.ordinal,
    ImageRow.label,
    ImageRow.prediction,
    ImageRow.misclassified,
    ImageRow.confidence,
)
Index(
    "ix_images_by_confidence",
    ImageRow.run_id,
    ImageRow.confidence.desc(),
    ImageRow.ordinal,
    ImageRow.label,
    ImageRow.prediction,
    ImageRow.misclassified,
)

# Partial: "next misclassified" is one step in it, and a correct image costs it nothing. The column
# that it is about leads, so that SQLite takes it before those that hold all images.
Index(
    "ix_images_misclassified",
    ImageRow.run_id,
    ImageRow.misclassified,
    ImageRow.ordinal,
    ImageRow.label,
    ImageRow.prediction,
    ImageRow.confidence,
    # SQLite takes the index only where the query says it in the same words, as SQLAlchemy does.
    sqlite_where=text("misclassified = 1"),
    postgresql_where=text("misclassified"),
)


class TallyRow(Base):
    """How many images of a run have this label and this answer.

    So that nobody counts a million images while somebody waits. `label` is -1 for images without
    one, `answered` tells whether the probabilities are finite; whether an image is misclassified
    follows from the three. Images of a shared run that lie behind a gap are counted, too.
    """

    __tablename__ = "tallies"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    label: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info={LEAST: -1})
    prediction: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info={LEAST: -1})
    answered: Mapped[bool] = mapped_column(primary_key=True, autoincrement=False)
    images: Mapped[int]


class FeatureMapRow(Base):
    """The feature maps of one image: one row for all layers, like its GAP values.

    ``codes`` are those of all layers side by side, each as (H, W, F); ``scales`` (2, F) float32
    are low and step of every filter. A row a layer took twice the time to store.
    """

    __tablename__ = "feature_maps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["run_id", "ordinal"], ["images.run_id", "images.ordinal"], ondelete="CASCADE"
        ),
    )

    run_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ordinal: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    scales: Mapped[bytes] = mapped_column(LargeBinary)
    codes: Mapped[bytes] = mapped_column(LargeBinary)


class TargetRow(Base):
    """What is right of one image of a network that answers with labels or values.

    An image without it has no row. `hits` is a letter a label, see `targets.Letter`; `target` the
    due values, float32; `error` how many labels are wrong, or the mean absolute error of the
    values: NULL where the answer is not finite. In a table of its own: behind `gap` it would cost
    each reader all of that row's pages, and before it each run a byte an image.
    """

    __tablename__ = "targets"
    __table_args__ = (
        ForeignKeyConstraint(
            ["run_id", "ordinal"], ["images.run_id", "images.ordinal"], ondelete="CASCADE"
        ),
    )

    run_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ordinal: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hits: Mapped[str | None] = mapped_column(Text)
    target: Mapped[bytes | None] = mapped_column(LargeBinary)
    error: Mapped[float | None] = mapped_column(Double)


class CorrelationStateRow(Base):
    """The running co-moments of one layer."""

    __tablename__ = "correlation_states"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    layer: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    covered: Mapped[int]
    n: Mapped[int]
    moments: Mapped[bytes] = mapped_column(LargeBinary)


class ClusteringRow(Base):
    """A computed clustering, so that a click need not wait for it again."""

    __tablename__ = "clusterings"
    __table_args__ = (
        UniqueConstraint("run_id", "layer", "method", "parameter", "images"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    layer: Mapped[int]
    method: Mapped[str] = mapped_column(String(32))
    parameter: Mapped[float] = mapped_column(Double)
    images: Mapped[int]
    labels: Mapped[bytes] = mapped_column(LargeBinary)


class ComparisonRow(Base):
    """A computed comparison of two runs, so that the page need not wait for it again.

    It holds for the numbers of images that the runs had: `images_a` and `images_b`. `parameter` is
    NULL where each layer has its own. `result` is compressed JSON.
    """

    __tablename__ = "comparisons"
    __table_args__ = (
        Index("ix_comparisons_run_a_run_b", "run_a", "run_b"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_a: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    run_b: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    method: Mapped[str] = mapped_column(String(32))
    parameter: Mapped[float | None] = mapped_column(Double)
    images_a: Mapped[int]
    images_b: Mapped[int]
    result: Mapped[bytes] = mapped_column(LargeBinary)


class ReportRow(Base):
    """Something worked out from the first `images` images of a run, so that nobody waits twice.

    `kind` says what it is and `key` with which settings; there is one of each, the newest. `value`
    is for whoever wrote it.
    """

    __tablename__ = "reports"
    __table_args__ = (
        UniqueConstraint("run_id", "kind", "key"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(128))
    images: Mapped[int]
    value: Mapped[bytes] = mapped_column(LargeBinary)


class SlimmingRow(Base):
    """A slim network that was made of a checkpoint, and what was measured of it.

    There is one row for each file, the newest: `output` is its path on the machine that made it.
    `result` and `channels` are the compressed JSON of the two files beside it. The runs over the
    images that it was measured with are NULL where there are none, or none any more.
    """

    __tablename__ = "slimmings"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)
    checkpoint_id: Mapped[int] = mapped_column(
        ForeignKey("checkpoints.id", ondelete="CASCADE"), index=True
    )
    run_before: Mapped[int | None] = mapped_column(
        ForeignKey("runs.id", ondelete="SET NULL"), index=True
    )
    run_after: Mapped[int | None] = mapped_column(
        ForeignKey("runs.id", ondelete="SET NULL"), index=True
    )
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    method: Mapped[str] = mapped_column(String(32))
    output: Mapped[str] = mapped_column(Text, unique=True)
    result: Mapped[bytes] = mapped_column(LargeBinary)
    channels: Mapped[bytes] = mapped_column(LargeBinary)


class ShareRow(Base):
    """What makes a run one that several collectors share.

    `key` is what it was called when it began: no two can begin it at the same moment. `images`
    counts all rows that are stored, those behind a gap included; `runs.stored` only those before.
    `workers` counts those that are at work, so that a poll need not.
    """

    __tablename__ = "shares"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    key: Mapped[str] = mapped_column(Text, unique=True)
    images: Mapped[int]
    workers: Mapped[int]


class WorkerRow(Base):
    """A collector that is at work in a shared run; `beat` goes up as long as it lives."""

    __tablename__ = "workers"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    token: Mapped[str] = mapped_column(String(255), primary_key=True)
    beat: Mapped[int] = mapped_column(BigInteger)
    images: Mapped[int]
    rate: Mapped[float | None] = mapped_column(Double)


class RangeRow(Base):
    """A range of ordinals of a shared run, `start` to `stop` - 1, of which `done` are stored.

    `owner` is the token of the worker that holds it, NULL where nobody does. `labelled` and
    `correct`, `error_sum` and `error_count` count what has not gone into the counters of the run
    yet. A `folded` range is finished, and so are all before it.
    """

    __tablename__ = "ranges"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    start: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stop: Mapped[int]
    done: Mapped[int]
    owner: Mapped[str | None] = mapped_column(String(255))
    labelled: Mapped[int]
    correct: Mapped[int]
    folded: Mapped[bool]
    error_sum: Mapped[float | None] = mapped_column(Double)
    error_count: Mapped[int | None]


class RangeStateRow(Base):
    """The co-moments of one layer over a finished range, until it is folded into the run's."""

    __tablename__ = "range_states"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    start: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    layer: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int]
    moments: Mapped[bytes] = mapped_column(LargeBinary)


for _table in Base.metadata.tables.values():
    for _column in _table.columns:
        _column.type = Checked.of(_column)
