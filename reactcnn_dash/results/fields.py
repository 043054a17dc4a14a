"""What a run keeps of its network: which part of the image layers see, how they hang together."""

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


def wiring_of(run: Run, layers: Sequence[Layer]) -> Any:
    """Return how the layers hang together and what they cost, as the collector kept it.

    Returns:
        ``taps``, ``merges`` and ``costs``, by position; None where they are not known, as in runs
        of former versions, and of PyTorch modules that are watched by hooks.
    """
    kept = run.options.get("wiring")
    if not isinstance(kept, dict) or len(kept.get("taps", ())) != len(layers):
        return None
    return kept
