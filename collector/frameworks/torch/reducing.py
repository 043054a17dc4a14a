"""What is stored of a layer's maps, computed where they are: GAP, and the maps as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from collector.frameworks.quantised import LEAST_RANGE

if TYPE_CHECKING:
    from collections.abc import Sequence

# Values quantised at a time: what stays in a core's cache is not fetched again for each step.
_AT_A_TIME = 2**18


class Reduced(NamedTuple):
    """What is kept of one layer for B images, see ``quantised.map_batches``.

    Attributes:
        gap: (B, F) float32.
        high: (B, F) float32; ``None``, like what follows, where maps are not wanted.
        low: (B, F) float32; ``None`` where it is never negative, too.
        codes: (B, F, H, W) uint8.
    """

    gap: torch.Tensor
    high: torch.Tensor | None
    low: torch.Tensor | None
    codes: torch.Tensor | None


def reduced(
    maps: torch.Tensor, channels_last: bool, never_negative: bool, wanted: bool
) -> Reduced:  # fmt: skip
    """Reduce the maps of a layer.

    Args:
        maps: (B, F, H, W) of any floating-point numbers, or (B, H, W, F).
        channels_last: whether it is the latter.
        never_negative: whether no value is below 0.
        wanted: whether the maps themselves are wanted.
    """
    planar = maps.permute(0, 3, 1, 2) if channels_last else maps
    gap = planar.mean((2, 3), dtype=torch.float32)
    if not wanted:
        return Reduced(gap, None, None, None)
    high, low = planar.amax((2, 3)).float(), None
    size = high
    if not never_negative:
        low = planar.amin((2, 3)).float().clamp_max(0)
        size = high.clamp_min(0) - low
    return Reduced(gap, high, low, _codes(planar, low, 255 / size.clamp_min(LEAST_RANGE)))


def _codes(maps: torch.Tensor, low: torch.Tensor | None, factor: torch.Tensor) -> torch.Tensor:
    """Quantise: with half a step more, cutting off rounds."""
    codes = torch.empty_like(maps, dtype=torch.uint8)
    factor = factor[..., None, None]
    offset = 0.5 if low is None else 0.5 - low[..., None, None] * factor
    rows = max(1, _AT_A_TIME // max(1, maps[0].numel()))
    if len(maps) <= rows:
        return codes.copy_((maps * factor).add_(offset))
    for start in range(0, len(maps), rows):
        part = slice(start, start + rows)
        each = offset[part] if isinstance(offset, torch.Tensor) else offset
        codes[part] = (maps[part] * factor[part]).add_(each)
    return codes


def joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Values of several layers side by side, wherever they were computed, on the processor."""
    return torch.cat([part.cpu() for part in parts], 1)
