"""What the page is told of a PyTorch module is what it is told of the same network in Keras."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from collector.frameworks.protocol import Asked
from collector.frameworks.torch.network import Network, understand
from tests.collector import branching


class Branching(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """The network of ``tests.collector.branching``."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.a = nn.Conv2d(4, 4, 3, padding="same")
        self.b = nn.Conv2d(4, 4, 1, bias=False)
        self.c = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
        self.d = nn.Conv2d(4, 4, 1)
        self.up = nn.ConvTranspose2d(8, 5, 2, stride=2, bias=False)
        self.last = nn.Conv2d(5, 6, 3, dilation=2)
        self.gate = nn.Conv2d(6, 6, 1)
        self.top = nn.Conv2d(6, 3, 1)
        self.head = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        x = F.max_pool2d(F.relu(x + self.b(F.relu(self.a(x)))), 2)
        x = F.relu(torch.cat([self.c(x), self.d(x)], 1))
        x = F.interpolate(F.relu(self.up(x)), scale_factor=2, mode="nearest")
        x = F.avg_pool2d(self.last(x), 2)
        x = self.top(x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True))))
        return self.head(x.mean((2, 3)))


class Padded(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """Padding of its own, channels last in between, attention over channels, and blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.second = nn.Conv2d(4, 4, 3, stride=2)
        self.third = nn.Conv2d(16, 4, 1)
        self.head = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x)).permute(0, 2, 3, 1) * 2
        x = F.pad(x.permute(0, 3, 1, 2), (2, 0, 1, 1))
        x = self.second(x * torch.sigmoid(x.mean(1, keepdim=True)))
        x = self.third(F.pixel_unshuffle(F.relu(x)[:, :, :6, :6], 2))
        return self.head(x.mean((2, 3)))


class Unheard(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """One that cannot be exported: what it does hangs on the image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.head((x if float(x.sum()) > 0 else -x).mean((2, 3)))


def understood(module: nn.Module) -> Network:
    side = branching.SIDE
    return understand(module.eval(), Asked(native_shape=(side, side)), source="test")


def test_a_module_is_told_of_as_the_same_network_in_keras() -> None:
    network = understood(Branching())
    assert tuple(tap.name for tap in network.taps) == branching.NAMES
    said = branching.expected()
    assert network.details["wiring"] == said["wiring"]
    assert network.details["receptive_fields"] == said["receptive_fields"]


def test_padding_and_axes_are_followed_and_what_is_not_known_is_not_told() -> None:
    first, second, third = understood(Padded()).details["receptive_fields"]
    assert first == [[3, 1, 0], [3, 1, 0]]
    assert second == [[5, 2, -1], [5, 2, -2]]
    assert third is None


def test_a_module_that_is_listened_to_is_not_told_of() -> None:
    details = understood(Unheard()).details
    assert details["watched_by"] == "hooks"
    assert "wiring" not in details
    assert "receptive_fields" not in details
