"""${message}.

Revision: ${up_revision}, after ${down_revision | comma,n}.
Four digits, one more than the last; set HEAD in reactcnn_dash/db/version.py to it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision: str = ${repr(up_revision)}
down_revision: str | None = ${repr(down_revision)}
branch_labels: str | Sequence[str] | None = ${repr(branch_labels)}
depends_on: str | Sequence[str] | None = ${repr(depends_on)}


def upgrade() -> None:
    """Bring a store of the revision before to this one."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Bring a store of this revision to the one before."""
    ${downgrades if downgrades else "pass"}
