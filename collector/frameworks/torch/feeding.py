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


def feeding_of(
    module: nn.Module, size: tuple[int, int] | None
) -> tuple[Feeding, str | None]:  # fmt: skip
    """Return how to feed a module, and what to say of it.

    Args:
        module: the module.
        size: (height, width) of the images, where it is known.

    Raises:
        ModelError: it has no convolutions, takes something else than images of one or three
            channels, or is not there where it says.
    """
    kernels = [one for one in module.modules() if isinstance(one, (nn.Conv2d, nn.ConvTranspose2d))]
    # Kernels of functions have four axes too.
    weights = [one.weight for one in kernels] or [
        one for one in module.parameters() if one.ndim == 4
    ]
    if not weights:
        kinds = dict.fromkeys(type(one).__name__ for one in module.modules())
        raise ModelError(
            f"the model has no convolutions to watch; its modules: {', '.join(list(kinds)[:12])}."
        )
    first = first_weight(module)
    if first is None or first.device.type == "meta":
        raise ModelError("the model's weights are on the device 'meta', which holds no values.")
    channels = kernels[0].in_channels if kernels else weights[0].shape[1]
    if channels not in (1, 3):
        raise ModelError(
            f"the model's first convolution takes {channels} channels; only 1 (grey) or 3 (RGB) "
            "can be given to it."
        )
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
    return Feeding((height, width, channels), first.dtype, first.device, channels_last), notice


def _by_channel(part: Any, device: torch.device) -> Any:
    if isinstance(part, float | int):
        return part
    return torch.tensor(part, dtype=torch.float32, device=device)[:, None, None]
