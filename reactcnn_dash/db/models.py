"""The schema: SQLAlchemy's tables, using only what SQLite and PostgreSQL both have.

Without its mapped classes, which nothing here would use: importing them took a tenth of a server's
start.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TypedDict

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

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

    source: str
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


metadata = MetaData(naming_convention=NAMES)


def _goes_with(name: str, table: str) -> Column[int]:
    """Return the column that leads the key of what is deleted with a row of another table."""
    owner = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(name, Integer, owner, primary_key=True, autoincrement=False)


def _run_id() -> Column[int]:
    """Return the column that leads the key of what goes with its run."""
    return _goes_with("run_id", "runs")


checkpoints = Table(
    "checkpoints",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("model", Text, nullable=False),
    Column("parameters", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    sqlite_autoincrement=True,
)
"""A set of weights."""

kernels = Table(
    "kernels",
    metadata,
    _goes_with("checkpoint_id", "checkpoints"),
    Column("layer", Text, primary_key=True),
    Column("weights", LargeBinary),
    Column("spatial", LargeBinary, nullable=False),
    Column("channels", LargeBinary, nullable=False),
)
"""The weights of one convolution of a checkpoint, as far as a person can look at them.

`weights` holds them whole where the layer sees few channels, as the first one does; of the
others `spatial` and `channels` say how they are spread (see `records.Kernel`).
"""

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("checkpoint_id", Integer, ForeignKey("checkpoints.id"), nullable=False, index=True),
    Column("image_source", Text, nullable=False),
    Column("image_identity", String(64), nullable=False),
    Column("total", Integer),
    Column("batch_size", Integer, nullable=False),
    Column("feature_maps", String(32), nullable=False, info={KIND: KEPT_MAPS}),
    Column("class_names", JSON, nullable=False, info={KIND: list[str]}),
    Column("image_shape", JSON, nullable=False, info={KIND: tuple[int, int, int]}),
    Column("options", JSON, nullable=False, info={KIND: Options}),
    Column("state", String(16), nullable=False, info={KIND: State}),
    Column("created_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("stored", Integer, nullable=False),
    Column("labelled", Integer, nullable=False),
    Column("correct", Integer, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("gap_low", JSON, nullable=False, info={KIND: list[float | None]}),
    Column("gap_high", JSON, nullable=False, info={KIND: list[float | None]}),
    Column("rate", Double),
    Column("writer", Text, nullable=False),
    Column("experiment", Text, index=True),
    Column("epoch", Integer),
    Column("note", Text, nullable=False, server_default=""),
    Column("tags", JSON, nullable=False, server_default="[]", info={KIND: list[str]}),
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("odd", Integer),
    Column("beat", BigInteger, nullable=False, server_default="0"),
    Column("authors", JSON, nullable=False, server_default="{}", info={KIND: dict[str, Author]}),
    Column("error_sum", Double),
    Column("error_count", Integer),
    Column("precision", String(16)),
    sqlite_autoincrement=True,
)
"""A run with the counters that make a poll cost the same however long the run is."""

layers = Table(
    "layers",
    metadata,
    _run_id(),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("tap", Text, nullable=False),
    Column("filters", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("gap_offset", Integer, nullable=False),
)
"""A tapped layer of a run."""

images = Table(
    "images",
    metadata,
    _run_id(),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("label", Integer),
    Column("prediction", Integer, nullable=False, info={LEAST: -1}),
    Column("misclassified", Boolean),
    Column("finite", Boolean, nullable=False),
    Column("name", Text),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("probabilities", LargeBinary, nullable=False),
    Column("pixels", LargeBinary, nullable=False),
    Column("gap", LargeBinary, nullable=False),
    Column("confidence", Double),
)
"""An image of a run with its GAP values, all layers side by side in `gap`.

The columns stand in the order in which SQLite should meet them: `gap`, the longest, comes last
and spills to pages of its own, while the rest is read without it. In a table of its own the
same row took 21.1 KB instead of 20.6 KB, since each image left most of a page empty.
`confidence`, the probability of the prediction, may stand behind it: it is read from
`ix_images_search` only. It is NULL for an image whose probabilities are not finite.
"""

# Covers a search: 50,000 images are looked through in some 2 MB instead of in their rows.
Index(
    "ix_images_search",
    images.c.run_id,
    images.c.label,
    images.c.prediction,
    images.c.misclassified,
    images.c.confidence,
    images.c.ordinal,
)

# The same in the two orders in which results are shown: a page of them is read where it stands,
# and the images before and behind it are not. What is always appended costs next to nothing.
Index(
    "ix_images_in_order",
    images.c.run_id,
    images.c.ordinal,
    images.c.label,
    images.c.prediction,
    images.c.misclassified,
    images.c.confidence,
)

Index(
    "ix_images_by_confidence",
    images.c.run_id,
    images.c.confidence.desc(),
    images.c.ordinal,
    images.c.label,
    images.c.prediction,
    images.c.misclassified,
)

# Partial: "next misclassified" is one step in it, and a correct image costs it nothing. The column
# that it is about leads, so that SQLite takes it before those that hold all images.
Index(
    "ix_images_misclassified",
    images.c.run_id,
    images.c.misclassified,
    images.c.ordinal,
    images.c.label,
    images.c.prediction,
    images.c.confidence,
    # SQLite takes the index only where the query says it in the same words, as SQLAlchemy does.
    sqlite_where=text("misclassified = 1"),
    postgresql_where=text("misclassified"),
)

tallies = Table(
    "tallies",
    metadata,
    _run_id(),
    Column("label", Integer, primary_key=True, autoincrement=False, info={LEAST: -1}),
    Column("prediction", Integer, primary_key=True, autoincrement=False, info={LEAST: -1}),
    Column("answered", Boolean, primary_key=True, autoincrement=False),
    Column("images", Integer, nullable=False),
)
"""How many images of a run have this label and this answer.

So that nobody counts a million images while somebody waits. `label` is -1 for images without
one, `answered` tells whether the probabilities are finite; whether an image is misclassified
follows from the three. Images of a shared run that lie behind a gap are counted, too.
"""

feature_maps = Table(
    "feature_maps",
    metadata,
    Column("run_id", Integer, primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("scales", LargeBinary, nullable=False),
    Column("codes", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["run_id", "ordinal"], ["images.run_id", "images.ordinal"], ondelete="CASCADE"
    ),
)
"""The feature maps of one image: one row for all layers, like its GAP values.

``codes`` are those of all layers side by side, each as (H, W, F); ``scales`` (2, F) float32
are low and step of every filter. A row a layer took twice the time to store.
"""

targets = Table(
    "targets",
    metadata,
    Column("run_id", Integer, primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("hits", Text),
    Column("target", LargeBinary),
    Column("error", Double),
    ForeignKeyConstraint(
        ["run_id", "ordinal"], ["images.run_id", "images.ordinal"], ondelete="CASCADE"
    ),
)
"""What is right of one image of a network that answers with labels or values.

An image without it has no row. `hits` is a letter a label, see `targets.Letter`; `target` the
due values, float32; `error` how many labels are wrong, or the mean absolute error of the
values: NULL where the answer is not finite. In a table of its own: behind `gap` it would cost
each reader all of that row's pages, and before it each run a byte an image.
"""

correlation_states = Table(
    "correlation_states",
    metadata,
    _run_id(),
    Column("layer", Integer, primary_key=True, autoincrement=False),
    Column("covered", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("moments", LargeBinary, nullable=False),
)
"""The running co-moments of one layer."""

clusterings = Table(
    "clusterings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("layer", Integer, nullable=False),
    Column("method", String(32), nullable=False),
    Column("parameter", Double, nullable=False),
    Column("images", Integer, nullable=False),
    Column("labels", LargeBinary, nullable=False),
    UniqueConstraint("run_id", "layer", "method", "parameter", "images"),
    sqlite_autoincrement=True,
)
"""A computed clustering, so that a click need not wait for it again."""

comparisons = Table(
    "comparisons",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_a", Integer, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("run_b", Integer, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("method", String(32), nullable=False),
    Column("parameter", Double),
    Column("images_a", Integer, nullable=False),
    Column("images_b", Integer, nullable=False),
    Column("result", LargeBinary, nullable=False),
    Index("ix_comparisons_run_a_run_b", "run_a", "run_b"),
    sqlite_autoincrement=True,
)
"""A computed comparison of two runs, so that the page need not wait for it again.

It holds for the numbers of images that the runs had: `images_a` and `images_b`. `parameter` is
NULL where each layer has its own. `result` is compressed JSON.
"""

reports = Table(
    "reports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("key", String(128), nullable=False),
    Column("images", Integer, nullable=False),
    Column("value", LargeBinary, nullable=False),
    UniqueConstraint("run_id", "kind", "key"),
    sqlite_autoincrement=True,
)
"""Something worked out from the first `images` images of a run, so that nobody waits twice.

`kind` says what it is and `key` with which settings; there is one of each, the newest. `value`
is for whoever wrote it.
"""

slimmings = Table(
    "slimmings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "checkpoint_id",
        Integer,
        ForeignKey("checkpoints.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("run_before", Integer, ForeignKey("runs.id", ondelete="SET NULL"), index=True),
    Column("run_after", Integer, ForeignKey("runs.id", ondelete="SET NULL"), index=True),
    Column("made_at", UtcDateTime, nullable=False),
    Column("method", String(32), nullable=False),
    Column("output", Text, nullable=False, unique=True),
    Column("result", LargeBinary, nullable=False),
    Column("channels", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
"""A slim network that was made of a checkpoint, and what was measured of it.

There is one row for each file, the newest: `output` is its path on the machine that made it.
`result` and `channels` are the compressed JSON of the two files beside it. The runs over the
images that it was measured with are NULL where there are none, or none any more.
"""

shares = Table(
    "shares",
    metadata,
    _run_id(),
    Column("key", Text, nullable=False, unique=True),
    Column("images", Integer, nullable=False),
    Column("workers", Integer, nullable=False),
)
"""What makes a run one that several collectors share.

`key` is what it was called when it began: no two can begin it at the same moment. `images`
counts all rows that are stored, those behind a gap included; `runs.stored` only those before.
`workers` counts those that are at work, so that a poll need not.
"""

workers = Table(
    "workers",
    metadata,
    _run_id(),
    Column("token", String(255), primary_key=True),
    Column("beat", BigInteger, nullable=False),
    Column("images", Integer, nullable=False),
    Column("rate", Double),
)
"""A collector that is at work in a shared run; `beat` goes up as long as it lives."""

ranges = Table(
    "ranges",
    metadata,
    _run_id(),
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("stop", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("owner", String(255)),
    Column("labelled", Integer, nullable=False),
    Column("correct", Integer, nullable=False),
    Column("folded", Boolean, nullable=False),
    Column("error_sum", Double),
    Column("error_count", Integer),
)
"""A range of ordinals of a shared run, `start` to `stop` - 1, of which `done` are stored.

`owner` is the token of the worker that holds it, NULL where nobody does. `labelled` and
`correct`, `error_sum` and `error_count` count what has not gone into the counters of the run
yet. A `folded` range is finished, and so are all before it.
"""

range_states = Table(
    "range_states",
    metadata,
    _run_id(),
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("layer", Integer, primary_key=True, autoincrement=False),
    Column("n", Integer, nullable=False),
    Column("moments", LargeBinary, nullable=False),
)
"""The co-moments of one layer over a finished range, until it is folded into the run's."""

for _table in metadata.tables.values():
    for _column in _table.columns:
        _column.type = Checked.of(_column)
