"""What is right of images whose network answers with labels or values, and how far off it is.

Revision: 0007.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the table, and the sums over it."""
    op.create_table(
        "targets",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("hits", sa.Text(), nullable=True),
        sa.Column("target", sa.LargeBinary(), nullable=True),
        sa.Column("error", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "ordinal", name="pk_targets"),
        sa.ForeignKeyConstraint(
            ["run_id", "ordinal"],
            ["images.run_id", "images.ordinal"],
            name="fk_targets_run_id_ordinal_images",
            ondelete="CASCADE",
        ),
    )
    for table in ("runs", "ranges"):
        op.add_column(table, sa.Column("error_sum", sa.Double(), nullable=True))
        op.add_column(table, sa.Column("error_count", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Take them away again."""
    for table in ("ranges", "runs"):
        op.drop_column(table, "error_count")
        op.drop_column(table, "error_sum")
    op.drop_table("targets")
