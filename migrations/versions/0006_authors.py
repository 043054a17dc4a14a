"""Who wrote a run's name, note and tags, where the server is told who asks.

Revision: 0006.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("runs", sa.Column("authors", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Take it away again."""
    op.drop_column("runs", "authors")
