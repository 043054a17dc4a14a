"""What was made of a network by cutting filters: slim networks, and what was measured of them.

Revision: 0004.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "slimmings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("run_before", sa.Integer(), nullable=True),
        sa.Column("run_after", sa.Integer(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("method", sa.String(32), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.Column("channels", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_slimmings"),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"],
            ["checkpoints.id"],
            name="fk_slimmings_checkpoint_id_checkpoints",
            ondelete="CASCADE",
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], ["runs.id"], name=f"fk_slimmings_{column}_runs", ondelete="SET NULL"
            )
            for column in ("run_before", "run_after")
        ),
        sa.UniqueConstraint("output", name="uq_slimmings_output"),
        sqlite_autoincrement=True,
    )
    for column in ("checkpoint_id", "run_before", "run_after"):
        op.create_index(f"ix_slimmings_{column}", "slimmings", [column])


def downgrade() -> None:
    """Take it away again."""
    op.drop_table("slimmings")
