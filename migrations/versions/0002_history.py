"""What the history of runs needs: experiments, notes, tags, sizes, a search, stored comparisons.

Revision: 0002.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

from reactcnn_dash.db.blobs import unpack
from reactcnn_dash.db.errors import DamagedBlob

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BLOCK = 1000
_SIZES = (
    ("images", ("probabilities", "pixels", "gap")),
    ("feature_maps", ("scales", "codes")),
    ("correlation_states", ("moments",)),
)


def upgrade() -> None:
    """Add the columns, the index and the table, and fill in what the stored rows say."""
    # Added one by one and not in batch mode, which would copy every row of the store.
    op.add_column("runs", sa.Column("experiment", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("epoch", sa.Integer(), nullable=True))
    op.add_column("runs", sa.Column("note", sa.Text(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("tags", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("runs", sa.Column("size", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("odd", sa.Integer(), nullable=True))
    op.create_index("ix_runs_experiment", "runs", ["experiment"])
    op.add_column("images", sa.Column("confidence", sa.Double(), nullable=True))
    connection = op.get_bind()
    _fill_runs(connection)
    _fill_confidence(connection)
    op.create_index(
        "ix_images_search",
        "images",
        ["run_id", "label", "prediction", "misclassified", "confidence", "ordinal"],
    )
    _make_comparisons()
    _make_reports()
    _make_kernels()


def downgrade() -> None:
    """Take it all away again."""
    op.drop_table("kernels")
    op.drop_table("reports")
    op.drop_table("comparisons")
    op.drop_index("ix_images_search", "images")
    op.drop_column("images", "confidence")
    op.drop_index("ix_runs_experiment", "runs")
    for column in ("experiment", "epoch", "note", "tags", "size", "odd"):
        op.drop_column("runs", column)


def _make_comparisons() -> None:
    op.create_table(
        "comparisons",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_a", sa.Integer(), nullable=False),
        sa.Column("run_b", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(32), nullable=False),
        sa.Column("parameter", sa.Double(), nullable=True),
        sa.Column("images_a", sa.Integer(), nullable=False),
        sa.Column("images_b", sa.Integer(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_comparisons"),
        sa.ForeignKeyConstraint(
            ["run_a"], ["runs.id"], name="fk_comparisons_run_a_runs", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["run_b"], ["runs.id"], name="fk_comparisons_run_b_runs", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_comparisons_run_a_run_b", "comparisons", ["run_a", "run_b"])
    op.create_index("ix_comparisons_run_b", "comparisons", ["run_b"])


def _make_reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_reports_run_id_runs", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("run_id", "kind", "key", name="uq_reports_run_id_kind_key"),
        sqlite_autoincrement=True,
    )


def _make_kernels() -> None:
    op.create_table(
        "kernels",
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("weights", sa.LargeBinary(), nullable=True),
        sa.Column("spatial", sa.LargeBinary(), nullable=False),
        sa.Column("channels", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("checkpoint_id", "layer", name="pk_kernels"),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"],
            ["checkpoints.id"],
            name="fk_kernels_checkpoint_id_checkpoints",
            ondelete="CASCADE",
        ),
    )


def _fill_runs(connection: sa.Connection) -> None:
    for run_id, options in connection.execute(sa.text("SELECT id, options FROM runs")).all():
        known: dict[str, Any] = json.loads(options) if isinstance(options, str) else options
        size = sum(_size(connection, table, columns, run_id) for table, columns in _SIZES)
        connection.execute(
            sa.text("UPDATE runs SET experiment = :experiment, epoch = :epoch, size = :size "
                    "WHERE id = :id"),
            {
                "experiment": known.get("experiment"),
                "epoch": known.get("epoch"),
                "size": size,
                "id": run_id,
            },
        )  # fmt: skip


def _size(connection: sa.Connection, table: str, columns: Sequence[str], run_id: int) -> int:
    rows = sa.table(table, sa.column("run_id"), *(sa.column(name) for name in columns))
    lengths = sum((sa.func.length(rows.c[name]) for name in columns[1:]),
                  sa.func.length(rows.c[columns[0]]))  # fmt: skip
    found = connection.execute(sa.select(sa.func.sum(lengths)).where(rows.c.run_id == run_id))
    return int(found.scalar() or 0)


def _fill_confidence(connection: sa.Connection) -> None:
    change = sa.text(
        "UPDATE images SET confidence = :confidence WHERE run_id = :run_id AND ordinal = :ordinal"
    )
    for rows in _blocks(connection):
        values = [
            {"run_id": run_id, "ordinal": ordinal, "confidence": _confidence(blob, prediction)}
            for run_id, ordinal, prediction, blob in rows
        ]
        connection.execute(change, values)


def _blocks(connection: sa.Connection) -> Iterator[Sequence[sa.Row[Any]]]:
    for (run_id,) in connection.execute(sa.text("SELECT id FROM runs")).all():
        start = -1
        while True:
            rows = connection.execute(
                sa.text(
                    "SELECT run_id, ordinal, prediction, probabilities FROM images "
                    "WHERE run_id = :run_id AND ordinal > :start ORDER BY ordinal LIMIT :size"
                ),
                {"run_id": run_id, "start": start, "size": _BLOCK},
            ).all()
            if not rows:
                break
            yield rows
            start = rows[-1].ordinal


def _confidence(blob: bytes, prediction: int) -> float | None:
    try:
        probabilities = unpack(blob)
    except DamagedBlob:
        return None
    return float(probabilities[prediction]) if np.isfinite(probabilities).all() else None
