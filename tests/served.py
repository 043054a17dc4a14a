"""Pages and their routes over a small store, with all work done at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Flask

from reactcnn_dash.db import StoreReader
from reactcnn_dash.jobs.runner import Jobs
from reactcnn_dash.pages.page import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from flask.testing import FlaskClient


def context(store: Path | str, jobs: Jobs | None = None) -> Context:
    """Return what pages work with over a store, named by path or URL."""
    return Context(StoreReader(str(store)), str(store), Jobs() if jobs is None else jobs)


def client(
    make: Callable[[Context], Blueprint | Iterable[Blueprint]], given: Context
) -> FlaskClient:
    """Return a client of some routes."""
    made = make(given)
    server = Flask(__name__)
    for blueprint in (made,) if isinstance(made, Blueprint) else made:
        server.register_blueprint(blueprint)
    return server.test_client()
