"""ReactCNN: watch every filter of a CNN respond while the network runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reactcnn_dash.db import StoreUrl
    from reactcnn_dash.store import Store

__version__ = "0.1.0"
__all__ = ["__version__", "open_store", "show"]


def open_store(url: StoreUrl = "reactcnn.db") -> Store:
    """Open a store for reading, as arrays and data frames.

    Args:
        url: file (text or `pathlib.Path`) or SQLAlchemy URL of the store.

    Raises:
        StoreError: the URL is not one of a store, or its driver is not installed. What else is
            wrong with a store shows at the first reading.
    """
    from reactcnn_dash.store import Store  # noqa: PLC0415 - the page's start needs no pandas

    return Store(url)


def show(url: StoreUrl = "reactcnn.db", *, height: int = 760, below: str | None = None) -> None:
    """Show a store's pages in a notebook cell; see `reactcnn_dash.notebook.show`."""
    from reactcnn_dash import notebook  # noqa: PLC0415 - the page's start needs none of it

    notebook.show(url, height=height, below=below)
