"""What a page says that has nothing to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from reactcnn_dash.db import without_password

if TYPE_CHECKING:
    from reactcnn_dash.db import StoreMissing


class Empty(TypedDict):
    """A page without an image: what is the matter, and what to type."""

    title: str
    text: str
    command: str


class Nothing(TypedDict):
    """The answer of a page that has nothing to show."""

    empty: Empty


def empty_store(url: str, error: StoreMissing | None = None) -> Nothing:
    """Return the answer while there is no store, or one without runs."""
    default = url == "sqlite:///reactcnn.db"
    command = (
        "python -m collector" if default else f"python -m collector --store {without_password(url)}"
    )
    return {
        "empty": Empty(
            title="No store yet" if error else "The store has no runs yet",
            text="Start the collector in another terminal. This page fills by itself "
            "as soon as the first image is stored.",
            command=command,
        )
    }
