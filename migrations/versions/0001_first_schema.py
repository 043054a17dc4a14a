"""The first released schema.

Revision: 0001.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make all tables."""
    _make_runs()
    _make_images()
    _make_statistics()


def downgrade() -> None:
    """Remove all tables."""
    for table in (
        "clusterings",
        "correlation_states",
        "feature_maps",
        "images",
        "layers",
        "runs",
        "checkpoints",
    ):
        op.drop_table(table)


def _make_runs() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("parameters", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_checkpoints"),
        sa.UniqueConstraint("sha256", name="uq_checkpoints_sha256"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("image_source", sa.Text(), nullable=False),
        sa.Column("image_identity", sa.String(64), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("batch_size", sa.Integer(), nullable=False),
        sa.Column("feature_maps", sa.String(32), nullable=False),
        sa.Column("class_names", sa.JSON(), nullable=False),
        sa.Column("image_shape", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stored", sa.Integer(), nullable=False),
        sa.Column("labelled", sa.Integer(), nullable=False),
        sa.Column("correct", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("gap_low", sa.JSON(), nullable=False),
        sa.Column("gap_high", sa.JSON(), nullable=False),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("uuid", name="uq_runs_uuid"),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoints.id"], name="fk_runs_checkpoint_id_checkpoints"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_checkpoint_id", "runs", ["checkpoint_id"])
    op.create_table(
        "layers",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("tap", sa.Text(), nullable=False),
        sa.Column("filters", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("gap_offset", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "position", name="pk_layers"),
        _of_run("layers"),
    )


def _make_images() -> None:
    op.create_table(
        "images",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("label", sa.Integer(), nullable=True),
        sa.Column("prediction", sa.Integer(), nullable=False),
        sa.Column("misclassified", sa.Boolean(), nullable=True),
        sa.Column("finite", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("probabilities", sa.LargeBinary(), nullable=False),
        sa.Column("pixels", sa.LargeBinary(), nullable=False),
        sa.Column("gap", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "ordinal", name="pk_images"),
        _of_run("images"),
    )
    op.create_index(
        "ix_images_misclassified",
        "images",
        ["run_id", "ordinal"],
        sqlite_where=sa.text("misclassified = 1"),
        postgresql_where=sa.text("misclassified"),
    )
    op.create_table(
        "feature_maps",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("scales", sa.LargeBinary(), nullable=False),
        sa.Column("codes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "ordinal", name="pk_feature_maps"),
        sa.ForeignKeyConstraint(
            ["run_id", "ordinal"],
            ["images.run_id", "images.ordinal"],
            name="fk_feature_maps_run_id_ordinal_images",
            ondelete="CASCADE",
        ),
    )


def _make_statistics() -> None:
    op.create_table(
        "correlation_states",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("layer", sa.Integer(), nullable=False),
        sa.Column("covered", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("moments", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "layer", name="pk_correlation_states"),
        _of_run("correlation_states"),
    )
    op.create_table(
        "clusterings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("layer", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(32), nullable=False),
        sa.Column("parameter", sa.Double(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("labels", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_clusterings"),
        sa.UniqueConstraint(
            "run_id",
            "layer",
            "method",
            "parameter",
            "images",
            name="uq_clusterings_run_id_layer_method_parameter_images",
        ),
        _of_run("clusterings"),
        sqlite_autoincrement=True,
    )


def _of_run(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["run_id"], ["runs.id"], name=f"fk_{table}_run_id_runs", ondelete="CASCADE"
    )
