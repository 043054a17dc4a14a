"""The collector: runs a CNN over images and stores what its filters answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collector.callback import ReactCNNCallback

__all__ = ["ReactCNNCallback"]


def __getattr__(name: str) -> Any:
    """Import the callback, and Keras with it, only when somebody asks for it."""
    if name == "ReactCNNCallback":
        from collector.callback import ReactCNNCallback  # noqa: PLC0415 - takes seconds

        return ReactCNNCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
