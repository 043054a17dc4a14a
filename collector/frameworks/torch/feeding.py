"""How a module is given images: size, channels, numbers, order in memory and device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from collector.errors import ModelError
from collector.frameworks.protocol import DEFAULT_SIZE
from collector.frameworks.torch.state import first_weight

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collector.frameworks.scaling import Scaling


CHANNELS = (3, 1)
_MODULES = (nn.Conv2d, nn.ConvTranspose2d)


@dataclass(frozen=True, slots=True)
class Feeding:
    """See the module.

    Attributes:
        shape: (height, width, channels).
        dtype: of its numbers, that of its first weights.
        device: where they are.
        channels_last: whether its kernels lie in memory with channels last.
    """

    shape: tuple[int, int, int]
    dtype: torch.dtype
    device: torch.device
    channels_last: bool

    def images(self, pixels: NDArray[Any], scaling: Scaling) -> torch.Tensor:
        """(B, H, W, C) pixels of 0–255 as the module takes them, (B, C, H, W)."""
        # As bytes over the bus, and floats there.
        values = torch.from_numpy(pixels.copy()).to(self.device)
        return self.scaled(values.permute(0, 3, 1, 2).float(), scaling)

    def scaled(self, values: torch.Tensor, scaling: Scaling) -> torch.Tensor:
        """(B, C, H, W) float32 values of 0–255 as the module takes them."""
        if scaling.reversed:
            values = values.flip(1)
        scale, offset = (_by_channel(part, self.device) for part in (scaling.scale, scaling.offset))
        order = torch.channels_last if self.channels_last else torch.contiguous_format
        return (values * scale + offset).to(self.dtype).contiguous(memory_format=order)


def feedings_of(
    module: nn.Module, size: tuple[int, int] | None
) -> tuple[list[Feeding], str | None]:  # fmt: skip
    """Return how a module may be fed, the likeliest first, and what to say of it.

    Args:
        module: the module.
        size: (height, width) of the images, where it is known.

    Raises:
        ModelError: it has no convolutions, is not whole yet, or is not there where it says.
    """
    if any(nn.parameter.is_lazy(one) for one in module.parameters()):
        raise ModelError(
            "the model has layers that are made by its first batch only; give it one, or weights."
        )
    weights = _kernels(module)
    if not weights:
        kinds = dict.fromkeys(type(one).__name__ for one in module.modules())
        raise ModelError(
            f"the model has no convolutions to watch; its modules: {', '.join(list(kinds)[:12])}."
        )
    first = first_weight(module)
    if first is None or first.device.type == "meta":
        raise ModelError("the model's weights are on the device 'meta', which holds no values.")
    spread = [one for one in weights if one.shape[2:].numel() > 1 and one.shape[1] > 1]
    channels_last = any(
        one.is_contiguous(memory_format=torch.channels_last) and not one.is_contiguous()
        for one in spread
    )
    height, width = size or (DEFAULT_SIZE, DEFAULT_SIZE)
    notice = None
    if size is None:
        notice = (
            f"the model does not say what size its images have; it is given {height} × {width} "
            "ones, other sizes with --size HxW."
        )
    # The convolution that was made first need not be the one that is called first, and that need
    # not take the image as it is.
    seen = [number for number in map(int, _channels(module)) if number in CHANNELS]
    return [
        Feeding((height, width, channels), first.dtype, first.device, channels_last)
        for channels in dict.fromkeys((*seen[:1], *CHANNELS))
    ], notice


def first_channels(module: nn.Module) -> int:
    """Return the channels that the convolution takes which was made first."""
    return _channels(module)[0]


def _channels(module: nn.Module) -> list[int]:
    kernels = [one for one in module.modules() if isinstance(one, _MODULES)]
    return [one.in_channels for one in kernels] or [one.shape[1] for one in _kernels(module)]


def _kernels(module: nn.Module) -> list[torch.Tensor]:
    kernels = [one.weight for one in module.modules() if isinstance(one, _MODULES)]
    # Kernels of functions have four axes too.
    return kernels or [one for one in module.parameters() if one.ndim == 4]


def _by_channel(part: Any, device: torch.device) -> Any:
    if isinstance(part, float | int):
        return part
    return torch.tensor(part, dtype=torch.float32, device=device)[:, None, None]
