"""Runs that several collectors share: their ranges of images, who holds which, and who is there.

Revision: 0005.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "shares",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("workers", sa.Integer(), nullable=False),
        *_keys("shares", "run_id"),
        sa.UniqueConstraint("key", name="uq_shares_key"),
    )
    op.create_table(
        "workers",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(255), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("rate", sa.Double(), nullable=True),
        *_keys("workers", "run_id", "token"),
    )
    op.create_table(
        "ranges",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("stop", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(255), nullable=True),
        sa.Column("labelled", sa.Integer(), nullable=False),
        sa.Column("correct", sa.Integer(), nullable=False),
        sa.Column("folded", sa.Boolean(), nullable=False),
        *_keys("ranges", "run_id", "start"),
    )
    op.create_table(
        "range_states",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("layer", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("moments", sa.LargeBinary(), nullable=False),
        *_keys("range_states", "run_id", "start", "layer"),
    )


def downgrade() -> None:
    """Take them away again."""
    for table in ("range_states", "ranges", "workers", "shares"):
        op.drop_table(table)


def _keys(table: str, *columns: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=f"fk_{table}_run_id_runs", ondelete="CASCADE"
        ),
    )
