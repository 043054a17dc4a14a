"""Capturing with PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from collector.errors import ModelError, out_of_memory, reason
from collector.frameworks.protocol import Captured
from collector.frameworks.quantised import map_batches
from collector.frameworks.reading import Reading
from collector.frameworks.scaling import SCALINGS
from collector.frameworks.torch.hooks import hear
from collector.frameworks.torch.reducing import Reduced, joined, reduced
from collector.frameworks.torch.state import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from collector.frameworks.protocol import Pixels
    from collector.frameworks.torch.exported import Exported
    from collector.frameworks.torch.feeding import Feeding
    from collector.frameworks.torch.hooks import Listened
    from collector.frameworks.torch.taps import Tap
    from reactcnn_dash.db import MapBatch

    Run = Callable[[torch.Tensor], tuple[torch.Tensor, Sequence[Reduced]]]


class Capture:
    """See ``protocol.Capture``.

    Args:
        run: gives the module's output and what is kept of each tap.
        taps: what is watched.
        feeding: how images are given.
        reading: how the output becomes probabilities.
        pixel_range: key of ``SCALINGS``.
    """

    arithmetic = "direct"

    def __init__(
        self, run: Run, taps: Sequence[Tap], feeding: Feeding, reading: Reading, pixel_range: str
    ) -> None:
        self._run, self._taps, self._feeding, self._reading = run, taps, feeding, reading
        self._scaling = SCALINGS[pixel_range]

    def __call__(self, pixels: Pixels) -> Captured:
        """Run (B, H, W, C) images, B ≥ 1, through the network.

        Raises:
            ModelError: PyTorch cannot run it, or not with so many images at once.
        """
        with quiet(self._feeding.device):
            try:
                output, parts = self._run(self._feeding.images(pixels, self._scaling))
            except (MemoryError, torch.OutOfMemoryError) as error:
                raise out_of_memory(len(pixels)) from error
            except RuntimeError as error:
                if "allocate" in str(error) or "out of memory" in str(error):
                    raise out_of_memory(len(pixels)) from error
                raise ModelError(f"PyTorch cannot run the model: {reason(error)}") from error
            gap = joined([part.gap for part in parts]).numpy()
            return Captured(probabilities_of(output, self._reading), gap, _maps(gap, parts))


def by_graph(
    exported: Exported, module: nn.Module, *, maps: bool, brief: bool = False
) -> Run:  # fmt: skip
    """Run the exported program with the weights that the module has now.

    Args:
        exported: the program.
        module: the module.
        maps: whether feature maps are wanted.
        brief: whether convolutions multiply in bfloat16.
    """
    graph, weights = exported.with_reduced(maps=maps, brief=brief), exported.bound(module)

    def run(images: torch.Tensor) -> tuple[torch.Tensor, Sequence[Reduced]]:
        # The program keeps nothing from one call to the next, unlike modules.
        with torch.inference_mode():
            output, parts = graph(*weights, images)
        return output, parts

    return run


def by_hooks(
    listened: Listened, module: nn.Module, output_of: Callable[[Any], torch.Tensor], *, maps: bool
) -> Run:
    """Run the module itself, which is in inference mode, and listen."""

    def each(tap: Tap, values: torch.Tensor) -> Reduced:
        return reduced(values, tap.channels_last, tap.never_negative, maps)

    def run(images: torch.Tensor) -> tuple[torch.Tensor, Sequence[Reduced]]:
        returned, parts = hear(module, listened, images, each)
        return output_of(returned), parts

    return run


def probabilities_of(output: torch.Tensor, reading: Reading) -> NDArray[np.float32]:
    """Turn a model's output, (B, K), into what is stored of it; (B, 0) if nothing is."""
    values = output.detach().float()
    if reading is Reading.NOTHING:
        values = values.new_zeros((len(values), 0))
    if reading is Reading.SOFTMAX:
        values = values.softmax(1)
    elif reading is Reading.LABEL_LOGITS:
        values = values.sigmoid()
    elif reading in (Reading.ONE_UNIT, Reading.ONE_LOGIT):
        unit = values.sigmoid() if reading is Reading.ONE_LOGIT else values
        values = torch.cat([1 - unit, unit], 1)
    probabilities: NDArray[np.float32] = values.cpu().numpy()
    return probabilities


def _maps(gap: NDArray[np.float32], parts: Sequence[Reduced]) -> tuple[MapBatch, ...] | None:
    codes = [part.codes.cpu().numpy() for part in parts if part.codes is not None]
    high = [part.high for part in parts if part.high is not None]
    if not codes:
        return None
    low = [torch.zeros_like(part.gap) if part.low is None else part.low for part in parts]
    return map_batches(gap, joined(high).numpy(), joined(low).numpy(), codes)
