"""What is stored of a layer's maps, computed where they are: GAP, and the maps as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

# Below this a map's range divides to subnormal steps; it is as good as constant.
_LEAST_RANGE = 1e-33
# Values quantised at a time: what stays in a core's cache is not fetched again for each step.
_AT_A_TIME = 2**18


class Reduced(NamedTuple):
    """What is kept of one layer for B images, see ``protocol.Captured``.

    Attributes:
        gap: (B, F) float32.
        low: (B, F) float32; ``None``, like what follows, where maps are not wanted.
        step: (B, F) float32.
        codes: (B, F, H, W) uint8.
    """

    gap: torch.Tensor
    low: torch.Tensor | None
    step: torch.Tensor | None
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
    high = planar.amax((2, 3)).float().clamp_min(0)
    least = torch.zeros_like(high) if never_negative else planar.amin((2, 3)).float().clamp_max(0)
    size = high - least
    # A sum is finite only if all its terms are, so the GAP tells about the whole map.
    finite = torch.isfinite(gap) & torch.isfinite(size)
    varies = finite & (size > _LEAST_RANGE)
    factor = torch.where(varies, 255 / torch.where(varies, size, 1), 0)
    step = torch.where(finite, torch.where(varies, size / 255, 0), torch.nan)
    low = torch.where(varies, least, 0)
    codes = _codes(planar, factor, 0.5 - low * factor, clean=bool(finite.all()))
    return Reduced(gap, low, step, codes)


def _codes(
    maps: torch.Tensor, factor: torch.Tensor, offset: torch.Tensor, *, clean: bool
) -> torch.Tensor:
    """Quantise: with half a step more in the offset, cutting off rounds."""
    codes = torch.empty_like(maps, dtype=torch.uint8)
    factor, offset = factor[..., None, None], offset[..., None, None]
    rows = max(1, _AT_A_TIME // max(1, maps[0].numel()))
    for start in range(0, len(maps), rows):
        part = slice(start, start + rows)
        values = (maps[part] * factor[part]).add_(offset[part])
        codes[part] = values if clean else values.nan_to_num_(0, 0, 0)
    return codes


def joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Values of several layers side by side, wherever they were computed, on the processor."""
    return torch.cat([part.cpu() for part in parts], 1)
