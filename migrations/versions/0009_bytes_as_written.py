"""PostgreSQL stores bytes as they come, since what is compressed here cannot be compressed again.

SQLite does so anyway. What is stored already stays as it is.

Revision: 0009.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BYTES = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = current_schema() AND data_type = 'bytea'
"""


def upgrade() -> None:
    """Tell PostgreSQL not to try."""
    _store("EXTERNAL")


def downgrade() -> None:
    """Let it try again."""
    _store("EXTENDED")


def _store(how: str) -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    for table, column in connection.execute(sa.text(_BYTES)).all():
        op.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET STORAGE {how}')
