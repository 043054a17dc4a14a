"""Receptive fields as a run keeps them: which part of the image a layer's cells see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reactcnn_dash.db import Layer, Run


def fields_of(run: Run, layers: Sequence[Layer]) -> list[Any]:
    """Return each layer's receptive field, by position.

    Returns:
        Size, stride and start in pixels along height and width (see
        ``analysis.receptive_field.Axis``); ``whole`` for the whole image; None where it is not
        known, as in runs of former versions.
    """
    kept = run.options.get("receptive_fields")
    return kept if isinstance(kept, list) and len(kept) == len(layers) else [None] * len(layers)
