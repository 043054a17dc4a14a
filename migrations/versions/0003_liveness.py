"""What tells a living writer from a dead one without a clock: a counter that goes up as it lives.

Revision: 0003.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the counter."""
    op.add_column("runs", sa.Column("beat", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take it away again."""
    op.drop_column("runs", "beat")
