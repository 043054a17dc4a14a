"""What a search of a long run rests on: how many images are of each kind, and two orders of them.

And what a run was computed in, where a list of runs reads it without their options.

Revision: 0008.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_COUNT = """
INSERT INTO tallies (run_id, label, prediction, answered, images)
SELECT run_id, coalesce(label, -1), prediction, confidence IS NOT NULL, count(*)
FROM images GROUP BY run_id, coalesce(label, -1), prediction, confidence IS NOT NULL
"""


def upgrade() -> None:
    """Add table and indexes, and count what is there."""
    op.create_table(
        "tallies",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.Integer(), nullable=False),
        sa.Column("prediction", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "label", "prediction", "answered", name="pk_tallies"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_tallies_run_id_runs", ondelete="CASCADE"
        ),
    )
    op.execute(_COUNT)
    # No run of before was in anything but float32, which is NULL.
    op.add_column("runs", sa.Column("precision", sa.String(16), nullable=True))
    answer = ("label", "prediction", "misclassified")
    op.create_index("ix_images_in_order", "images", ["run_id", "ordinal", *answer, "confidence"])
    op.create_index(
        "ix_images_by_confidence",
        "images",
        ["run_id", sa.text("confidence DESC"), "ordinal", *answer],
    )
    op.drop_index("ix_images_misclassified", "images")
    _wrong("run_id", "misclassified", "ordinal", "label", "prediction", "confidence")


def downgrade() -> None:
    """Take them away again."""
    op.drop_column("runs", "precision")
    op.drop_index("ix_images_misclassified", "images")
    _wrong("run_id", "ordinal")
    op.drop_index("ix_images_by_confidence", "images")
    op.drop_index("ix_images_in_order", "images")
    op.drop_table("tallies")


def _wrong(*columns: str) -> None:
    op.create_index(
        "ix_images_misclassified",
        "images",
        columns,
        sqlite_where=sa.text("misclassified = 1"),
        postgresql_where=sa.text("misclassified"),
    )
