"""The benchmark's trained residual network as a PyTorch module, with its weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from collector.frameworks.keras.vgg16 import PIXEL_DEVIATION, PIXEL_MEAN
from collector.packaged import CLASSES
from tests import benchmarks

WEIGHTS = Path(benchmarks.__file__).with_name("resnet14-cifar10.npz")


class Convolution(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """A convolution and its normalisation; with a stride it pads as TensorFlow does."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.margin = (0, 1, 0, 1) if stride > 1 and kernel > 1 else (0, 0, 0, 0)
        padding = kernel // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(inside, outside, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outside)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        normalised: torch.Tensor = self.bn(self.conv(F.pad(x, self.margin)))
        return normalised


class Block(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """Two convolutions beside a shortcut."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.a = Convolution(inside, outside, 3, stride)
        self.b = Convolution(outside, outside, 3, 1)
        self.shortcut = Convolution(inside, outside, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.b(F.relu(self.a(x))) + self.shortcut(x))


class ResNet14(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """He, Zhang, Ren & Sun (2016), "Deep residual learning for image recognition", section 4.2."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, 16, 3, 1)
        self.stage1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1))
        self.stage2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1))
        self.stage3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1))
        self.predictions = nn.Linear(64, len(CLASSES))
        self.register_buffer("mean", torch.tensor(PIXEL_MEAN)[:, None, None])
        self.register_buffer("deviation", torch.tensor(PIXEL_DEVIATION)[:, None, None])

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.stem((pixels - self.mean) / self.deviation))
        x = self.stage3(self.stage2(self.stage1(x)))
        return F.softmax(self.predictions(x.mean((2, 3))), 1)


def trained() -> ResNet14:
    """Make the module with the weights of its training, for images of 0–255, and run by it."""
    module = ResNet14()
    with np.load(WEIGHTS) as archive:
        values = {name: torch.tensor(archive[name].astype(np.float32)) for name in archive.files}
    stages = (module.stage1, module.stage2, module.stage3)
    parts = {"stem": module.stem} | {
        f"stage{number}_block{place}_{kind}": part
        for number, stage in enumerate(stages, start=1)
        for place, block in enumerate(stage, start=1)
        for kind, part in block.named_children()
        if isinstance(part, Convolution)
    }
    with torch.no_grad():
        for name, part in parts.items():
            part.conv.weight.copy_(values[f"{name}_conv/0"].permute(3, 2, 0, 1))
            bn = part.bn
            for number, kept in enumerate((bn.weight, bn.bias, bn.running_mean, bn.running_var)):
                assert kept is not None
                kept.copy_(values[f"{name}_bn/{number}"])
        module.predictions.weight.copy_(values["predictions/0"].T)
        module.predictions.bias.copy_(values["predictions/1"])
    module.eval()
    return module
