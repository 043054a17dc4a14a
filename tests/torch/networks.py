"""Networks as people write them, a few lines each."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def vgg(classes: int = 4) -> nn.Module:
    """Convolutions and in-place ReLUs in a Sequential, as torchvision's VGG."""
    layers: list[nn.Module] = []
    for inputs, filters in ((3, 8), (8, 12)):
        layers += [nn.Conv2d(inputs, filters, 3, padding=1), nn.ReLU(inplace=True)]
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(
        nn.Sequential(*layers), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(48, classes)
    )


class Block(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """A residual block with functions for its activations."""

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, filters, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, filters, 1), nn.BatchNorm2d(filters))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.shortcut(x))


class ResNet(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """A stem and a residual block, F.relu throughout."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.layer1 = Block(8, 8)
        self.fc = nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor:
        out = self.layer1(F.relu(self.bn1(self.conv1(x))))
        return self.fc(out.mean((2, 3)))


class InPlace(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """A residual block whose one ReLU module works in place and is used twice."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv1(x))
        out = self.conv2(x)
        out += x
        return self.fc(self.relu(out).mean((2, 3)))


def mobilenet(classes: int = 4) -> nn.Module:
    """Depthwise convolutions, ReLU6 and Hardswish."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(True),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8), nn.Hardswish(),
        nn.Conv2d(8, 16, 1, bias=False), nn.BatchNorm2d(16),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(16, classes), nn.Softmax(1),
    )  # fmt: skip


class DenseNet(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """Layers that see all before them; normalisation comes before the convolution."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(6 + 4 * i) for i in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(6 + 4 * i, 4, 3, padding=1) for i in range(3))
        self.fc = nn.Linear(18, classes)

    def forward(self, x: Tensor) -> Tensor:
        seen = [self.stem(x)]
        for norm, conv in zip(self.norms, self.convs, strict=True):
            seen.append(conv(F.relu(norm(torch.cat(seen, 1)))))
        return self.fc(torch.cat(seen, 1).mean((2, 3)))


class Activations(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """One convolution, used again and again, with other activations behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.LayerNorm(3)
        self.up = nn.ConvTranspose2d(3, 3, 2, stride=2)
        self.fc = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        x = y * torch.sigmoid(y)
        y = self.conv(x)
        x = y * F.relu6(y + 3) / 6
        x = self.norm(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        y = self.conv(x)
        x = y * torch.sigmoid(y.mean((2, 3), keepdim=True))
        x = F.gelu(self.up(x))
        return self.fc(self.conv(x).softmax(1).mean((2, 3)))


class Centred(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """Layer normalisation over channels as people write it by hand."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = (nn.Parameter(torch.ones(channels, 1, 1)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = x - x.mean(1, keepdim=True)
        deviation = torch.sqrt(x.pow(2).mean(1, keepdim=True) + 1e-6)
        return self.weight * (x / deviation) + self.bias


class Standardised(nn.Conv2d):  # type: ignore[misc] # torch is not there for the linters
    """A convolution whose kernel is computed of its weights."""

    def kernel(self) -> Tensor:
        apart = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return apart / (apart.std((1, 2, 3), keepdim=True) + 1e-5)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel(), self.bias, self.stride, self.padding)


class WrittenOut(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """Normalisations and activations of functions; the head is made before the stem."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.head = nn.Conv2d(6, classes, 1)
        self.stem = Standardised(3, 6, 3, padding=1)
        self.norm = Centred(6)
        self.groups = nn.GroupNorm(2, 6)
        self.convs = nn.ModuleList(nn.Conv2d(6, 6, 3, padding=1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(x)))
        y = self.convs[0](x)
        x = torch.where(y > 0, y, torch.zeros_like(y) - 0.1)
        x = F.gelu(self.groups(self.convs[1](x)))
        y = self.convs[2](x)
        x = (y - y.mean((2, 3))[:, :, None, None]) / (y.std((2, 3), keepdim=True) + 1e-6)
        y = self.convs[3](x)
        # Weighed by how far it is from its mean: attention, and no normalisation.
        apart = (y - y.mean((2, 3), keepdim=True)).square()
        x = y * torch.sigmoid(apart / (apart.mean((2, 3), keepdim=True) + 1.0))
        return self.head(x).mean((2, 3))


class Branching(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """A path that depends on the image's values, so that nothing can export it."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.fc = nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor:
        if bool(x.sum() < -1e9):
            x = -x
        x = self.relu(self.bn1(self.conv1(x)))
        return self.fc(F.relu(self.conv2(x), inplace=True).mean((2, 3)))


def trained(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with statistics of batch normalisation that are not those of its beginning."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in (*module.named_parameters(), *module.named_buffers()):
        if value.is_floating_point():
            with torch.no_grad():
                draws = torch.rand(value.shape, generator=generator)
                value.copy_(0.5 + draws if "running_var" in name else (draws - 0.5) / 2)
    return module.eval()
