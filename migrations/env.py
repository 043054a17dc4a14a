"""How Alembic reaches a store: by the connection it is handed, or by `-x store=PATH_OR_URL`."""

from typing import TYPE_CHECKING, cast

from alembic import context

from reactcnn_dash.db.address import StoreAddress
from reactcnn_dash.db.engine import write_engine
from reactcnn_dash.db.models import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection


def run(connection: "Connection") -> None:
    """Run the migrations over `connection`, in its transaction when it has begun one."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        # SQLite cannot alter most of a table; batch mode makes it anew and copies the rows.
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


handed = cast("Connection | None", context.config.attributes.get("connection"))
if handed is not None:
    run(handed)
else:
    store = context.get_x_argument(as_dictionary=True).get("store", "reactcnn.db")
    engine = write_engine(StoreAddress.of(str(store)), create=True, foreign_keys=False)
    with engine.connect() as opened:
        run(opened)
