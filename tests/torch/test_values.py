"""What is stored of a module is what the module itself computes, layer by layer."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collector.errors import ModelError
from collector.frameworks.protocol import Asked
from collector.frameworks.reading import Reading
from collector.frameworks.torch.capture import Capture, by_graph
from collector.frameworks.torch.exported import Exported
from collector.frameworks.torch.hooks import Listened
from collector.frameworks.torch.network import Network, understand
from tests.torch.networks import (
    Activations,
    Branching,
    DenseNet,
    InPlace,
    ResNet,
    WrittenOut,
    mobilenet,
    trained,
    vgg,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from collector.frameworks import protocol
    from collector.frameworks.protocol import Captured

Values = dict[str, torch.Tensor]


def of_vgg(net: Any, x: torch.Tensor) -> Values:
    first = F.relu(net[0][0](x))
    return {"0.0": first, "0.3": F.relu(net[0][3](F.max_pool2d(first, 2)))}


def of_resnet(net: Any, x: torch.Tensor) -> Values:
    block = net.layer1
    stem = F.relu(net.bn1(net.conv1(x)))
    inner = F.relu(block.bn1(block.conv1(stem)))
    return {
        "conv1": stem,
        "layer1.conv1": inner,
        "layer1.conv2": block.bn2(block.conv2(inner)),
        "layer1.shortcut.0": block.shortcut(stem),
    }


def of_in_place(net: Any, x: torch.Tensor) -> Values:
    first = F.relu(net.conv1(x))
    return {"conv1": first, "conv2": net.conv2(first)}


def of_mobilenet(net: Any, x: torch.Tensor) -> Values:
    first = net[1](net[0](x)).clamp(0, 6)
    second = F.hardswish(net[4](net[3](first)))
    return {"0": first, "3": second, "6": net[7](net[6](second))}


def of_densenet(net: Any, x: torch.Tensor) -> Values:
    values = {"stem": net.stem(x)}
    for place in range(3):
        seen = torch.cat(list(values.values()), 1)
        values[f"convs.{place}"] = net.convs[place](F.relu(net.norms[place](seen)))
    return values


def of_activations(net: Any, x: torch.Tensor) -> Values:
    values = {"conv": F.silu(net.conv(x))}
    values["conv#2"] = F.hardswish(net.conv(values["conv"]))
    normed = net.norm(net.conv(values["conv#2"]).permute(0, 2, 3, 1))
    values["conv#3"] = normed.permute(0, 3, 1, 2)
    y = values["conv#4"] = net.conv(values["conv#3"])
    values["up"] = F.gelu(net.up(y * torch.sigmoid(y.mean((2, 3), keepdim=True))))
    return {**values, "conv#5": net.conv(values["up"])}


def of_written_out(net: Any, x: torch.Tensor) -> Values:
    weight, bias = net.norm.weight.flatten(), net.norm.bias.flatten()
    normal = F.layer_norm(net.stem(x).permute(0, 2, 3, 1), (6,), weight, bias, 1e-6)
    values = {"stem": F.relu(normal.permute(0, 3, 1, 2))}
    values["convs.0"] = F.threshold(net.convs[0](values["stem"]), 0, -0.1)
    values["convs.1"] = F.gelu(net.groups(net.convs[1](values["convs.0"])))
    third = net.convs[2](values["convs.1"])
    spread, middle = torch.var_mean(third, (2, 3), keepdim=True)
    values["convs.2"] = (third - middle) / (spread.sqrt() + 1e-6)
    fourth = values["convs.3"] = net.convs[3](values["convs.2"])
    variance = fourth.var((2, 3), correction=0, keepdim=True)
    apart = (fourth - fourth.mean((2, 3), keepdim=True)).square()
    return {**values, "head": net.head(fourth * torch.sigmoid(apart / (variance + 1)))}


def of_branching(net: Any, x: torch.Tensor) -> Values:
    first = F.relu(net.bn1(net.conv1(x)))
    # F.relu is not heard by hooks.
    return {"conv1": first, "conv2": net.conv2(first)}


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[Any, torch.Tensor], Values]]] = {
    "vgg": (vgg, of_vgg),
    "resnet": (ResNet, of_resnet),
    "in place": (InPlace, of_in_place),
    "mobilenet": (mobilenet, of_mobilenet),
    "densenet": (DenseNet, of_densenet),
    "activations": (Activations, of_activations),
    "written out": (WrittenOut, of_written_out),
    "hooks": (Branching, of_branching),
}


def captured(
    module: nn.Module, pixels: NDArray[np.uint8], *, pixel_range: str = "0-1"
) -> tuple[Network, Captured]:
    network = understand(module, Asked(native_shape=pixels.shape[1:3]), source="test")
    proven = network.proven(
        pixels[:4], pixel_range=pixel_range, maps=True, batch_size=3, exact=False
    )
    assert proven.notices == ()
    return network, proven.capture(pixels)


def images(pixels: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255).contiguous()


def check(network: protocol.Network, said: Captured, expected: Values, limit: float) -> None:
    """GAP and maps are those of a plain run, up to rounding and half a step."""
    assert [tap.name for tap in network.taps] == list(expected)
    gaps = [values.float().mean((2, 3)) for values in expected.values()]
    gap = torch.cat(gaps, 1).float().numpy()
    assert said.gap.dtype == np.float32
    np.testing.assert_allclose(said.gap, gap, atol=limit * np.abs(gap).max(), rtol=0)
    assert said.maps is not None
    for tap, kept, values in zip(network.taps, said.maps, expected.values(), strict=True):
        maps = values.float().numpy()
        assert kept.codes.dtype == np.uint8
        assert kept.codes.shape == maps.shape
        assert maps.shape[1:] == (tap.filters, tap.height, tap.width)
        low, step = kept.low[..., None, None], kept.step[..., None, None]
        bound = step / 2 + limit * np.abs(maps).max()
        assert (np.abs(low + step * kept.codes - maps) <= bound).all(), tap.name
        assert (kept.low <= 0).all()


@pytest.mark.parametrize("name", CASES)
def test_values_are_the_modules_own(name: str, pixels: NDArray[np.uint8]) -> None:
    make, truth = CASES[name]
    module = trained(make())
    network, said = captured(module, pixels)
    assert isinstance(network.way, Exported) == (name != "hooks")
    with torch.no_grad():
        check(network, said, truth(module, images(pixels)), 1e-5)
        output = module(images(pixels))
    shares = output if name == "mobilenet" else output.softmax(1)
    np.testing.assert_allclose(said.probabilities, shares.numpy(), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_numbers(dtype: torch.dtype, pixels: NDArray[np.uint8]) -> None:
    module = trained(vgg()).to(dtype)
    network, said = captured(module, pixels)
    with torch.no_grad():
        check(network, said, of_vgg(module, images(pixels).to(dtype)), 2e-3)


def test_channels_last(pixels: NDArray[np.uint8]) -> None:
    module = trained(vgg()).to(memory_format=torch.channels_last)
    network, said = captured(module, pixels)
    assert network.feeding.channels_last
    with torch.no_grad():
        check(network, said, of_vgg(module, images(pixels)), 1e-5)


def test_preprocessing_of_imagenet(pixels: NDArray[np.uint8]) -> None:
    module = trained(vgg())
    network, said = captured(module, pixels, pixel_range="imagenet")
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    with torch.no_grad():
        check(network, said, of_vgg(module, (images(pixels) - mean) / deviation), 1e-5)


def test_preprocessing_with_blue_first(pixels: NDArray[np.uint8]) -> None:
    module = trained(vgg())
    network, said = captured(module, pixels, pixel_range="keras.applications.vgg16")
    mean = torch.tensor([103.939, 116.779, 123.68])[:, None, None]
    given = (255 * images(pixels)[:, [2, 1, 0]] - mean).contiguous()
    with torch.no_grad():
        check(network, said, of_vgg(module, given), 1e-5)


def test_values_that_are_not_finite(pixels: NDArray[np.uint8]) -> None:
    module: Any = trained(vgg())
    with torch.no_grad():
        module[0][0].bias[2] = torch.nan
        module[0][0].bias[3] = 3e38
        module[0][0].weight[3] = 3e38
    network = understand(module, Asked(native_shape=(16, 16), head="logits"), source="test")
    graph = network.way
    assert isinstance(graph, Exported)
    run = by_graph(graph, module, maps=True)
    said = Capture(run, network.taps, network.feeding, network.reading, "0-255")(pixels)
    assert said.maps is not None
    first = said.maps[0]
    assert np.isnan(said.gap[:, 2]).all()
    for lost in (2, 3):
        assert np.isnan(first.step[:, lost]).all()
        assert (first.codes[:, lost] == 0).all()
        assert (first.low[:, lost] == 0).all()
    assert np.isfinite(first.step[:, 0]).all()
    assert first.codes[:, 0].any()


@pytest.mark.parametrize(
    "wrap",
    [nn.DataParallel, torch.compile, lambda module: torch.compile(nn.DataParallel(module))],
    ids=["DataParallel", "compiled", "both"],
)
def test_wrapped_modules(wrap: Any, pixels: NDArray[np.uint8]) -> None:
    module = trained(vgg())
    plain, said = captured(module, pixels)
    network, wrapped = captured(wrap(module), pixels)
    assert network.taps == plain.taps
    assert network.loaded.sha256 == plain.loaded.sha256
    np.testing.assert_array_equal(wrapped.gap, said.gap)


@pytest.mark.parametrize("make", [vgg, Branching])
def test_parts_that_are_compiled(make: Any, pixels: NDArray[np.uint8]) -> None:
    """Hooks set later are not heard by what is compiled already; names are those of before."""
    module = trained(make())
    plain, said = captured(module, pixels)
    for name, child in list(module.named_children()):
        if not isinstance(child, nn.Linear):
            setattr(module, name, torch.compile(child))
    network, compiled = captured(module, pixels)
    assert [tap.name for tap in network.taps] == [tap.name for tap in plain.taps]
    assert network.loaded.sha256 == plain.loaded.sha256
    np.testing.assert_allclose(compiled.gap, said.gap, atol=1e-6)
    assert [kernel.layer for kernel in network.kernels()] == [tap.name for tap in plain.taps]


def test_kernels_are_the_weights(pixels: NDArray[np.uint8]) -> None:
    module: Any = trained(mobilenet())
    network, _ = captured(module, pixels)
    for kernel, conv in zip(network.kernels(), (module[0], module[3], module[6]), strict=True):
        weight = conv.weight.detach().numpy()
        np.testing.assert_allclose(kernel.spatial, np.sqrt((weight**2).sum(1)), rtol=1e-5)
        np.testing.assert_allclose(kernel.channels, np.sqrt((weight**2).sum((2, 3))), rtol=1e-5)


def test_kernels_are_those_that_the_convolutions_take(pixels: NDArray[np.uint8]) -> None:
    module: Any = trained(WrittenOut())
    network, _ = captured(module, pixels)
    stem, *_, head = network.kernels()
    assert (stem.layer, head.layer) == ("stem", "head")
    assert stem.weights is not None
    expected = module.stem.kernel().detach().permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(stem.weights, expected, rtol=1e-5)


def test_kernels_of_a_grouped_transposed_convolution(pixels: NDArray[np.uint8]) -> None:
    up = nn.ConvTranspose2d(4, 6, 3, groups=2)
    module = trained(nn.Sequential(
        nn.Conv2d(3, 4, 1), up, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)
    ))  # fmt: skip
    network, _ = captured(module, pixels)
    kernel = network.kernels()[1]
    assert kernel.weights is not None
    # Filter 4 is the second of the second group, which sees channels 2 and 3.
    expected = up.weight.detach().numpy()[2:4, 1].transpose(1, 2, 0)
    np.testing.assert_array_equal(kernel.weights[4], expected)
    assert kernel.weights.shape == (6, 3, 3, 2)


class Backbone(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """Maps and a vector, no classes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        maps = self.conv(images)
        return {"maps": maps, "pooled": maps.mean((2, 3)), "scale": maps.mean()}


@pytest.mark.parametrize(
    ("head", "last", "outputs"),
    [
        ("regression", nn.Identity(), 1),
        ("regression", nn.Identity(), 4),
        (None, nn.Sigmoid(), 4),
        ("sigmoid", nn.Sigmoid(), 4),
    ],
)
def test_values_and_labels_are_stored_as_the_module_gives_them(
    head: str | None, last: nn.Module, outputs: int
) -> None:
    layers = (nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, outputs))
    module = nn.Sequential(*layers, last)
    network = understand(module, Asked(native_shape=(16, 16), head=head), source="test")
    expected = Reading.VALUES if head == "regression" else Reading.LABELS
    assert (network.reading, network.outputs) == (expected, outputs)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
    proven = network.proven(pixels, pixel_range="0-1", maps=True, batch_size=2, exact=False)
    with torch.no_grad():
        said = module(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255).numpy()
    np.testing.assert_allclose(proven.capture(pixels).probabilities, said, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("head", "outputs"), [("sigmoid", 1), ("sigmoid", 4), ("softmax", 4)])
def test_raw_outputs_are_squashed_as_the_head_says(head: str, outputs: int) -> None:
    layers = (nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, outputs))
    module = nn.Sequential(*layers)
    network = understand(module, Asked(native_shape=(16, 16), head=head), source="test")
    assert any(head in one for one in network.notices)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
    proven = network.proven(pixels, pixel_range="0-1", maps=True, batch_size=2, exact=False)
    with torch.no_grad():
        said = module(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
    unit = torch.sigmoid(said) if head == "sigmoid" else torch.softmax(said, 1)
    expected = torch.cat([1 - unit, unit], 1) if outputs == 1 else unit
    found = proven.capture(pixels).probabilities
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_none_admits_a_backbone() -> None:
    module = Backbone()
    network = understand(module, Asked(native_shape=(16, 16), head="none"), source="test")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
    proven = network.proven(pixels, pixel_range="0-1", maps=True, batch_size=2, exact=False)
    captured = proven.capture(pixels)
    assert captured.probabilities.shape == (5, 0)
    with torch.no_grad():
        maps = module(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)["pooled"]
    np.testing.assert_allclose(captured.gap, maps.numpy(), rtol=1e-4, atol=1e-5)


class ConvPair(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """Functions with kernels of its own, one of them transposed and one called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Parameter(torch.zeros(4, 3, 3, 3))
        self.outer = nn.Parameter(torch.zeros(4, 4, 2, 2))
        self.same = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.conv_transpose2d(F.conv2d(x, self.inner), self.outer, stride=2)
        return self.same(self.same(x)).mean((2, 3))


def test_kernels_of_one_module_are_told_apart(pixels: NDArray[np.uint8]) -> None:
    module: Any = trained(nn.Sequential(ConvPair()))
    network, _ = captured(module, pixels)
    assert [tap.name for tap in network.taps] == ["0.inner", "0.outer", "0.same", "0.same#2"]
    stored = network.kernels()[1].weights
    assert stored is not None
    expected = module[0].outer.detach().permute(1, 2, 3, 0).numpy()
    np.testing.assert_array_equal(stored, expected)


class Folding(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """Blocks of pixels as channels; halves of images as images of their own; rows."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(12, 4, 3, padding=1)
        self.halves = nn.Conv2d(4, 4, 3, padding=1)
        self.row = nn.Conv1d(4, 4, 3)
        self.fc = nn.Linear(4, 4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.stem(F.pixel_unshuffle(images, 2)))
        number, _, height, _ = x.shape
        x = x.unflatten(2, (2, height // 2)).transpose(1, 2).flatten(0, 1)
        x = self.halves(x).unflatten(0, (number, 2)).mean(1)
        return self.fc(self.row(x.flatten(2)).mean(2))


def test_what_is_not_watched_is_counted_and_said(pixels: NDArray[np.uint8]) -> None:
    module = trained(Folding())
    network, said = captured(module, pixels)
    assert isinstance(network.way, Exported)
    assert network.notices[-1] == (
        "2 convolutions are not watched: only those over height and width, image by image, are."
    )
    by_hooks = network.by_hooks()
    assert isinstance(by_hooks.way, Listened)
    assert by_hooks.way.unwatched == 2
    with torch.no_grad():
        maps = F.relu(module.stem(F.pixel_unshuffle(images(pixels), 2)))
        check(network, said, {"stem": maps}, 1e-5)


@dataclasses.dataclass
class Said:
    """What some libraries return: PyTorch does not know it."""

    features: torch.Tensor
    logits: torch.Tensor
    loss: None = None


class Saying(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """A network that returns more than classes."""

    def __init__(self, form: Any) -> None:
        super().__init__()
        self.conv, self.fc, self.form = nn.Conv2d(3, 5, 3), nn.Linear(5, 4), form

    def forward(self, images: torch.Tensor, **_options: Any) -> Any:
        features = F.relu(self.conv(images)).mean((2, 3))
        return self.form(features, self.fc(features))


@pytest.mark.parametrize("form", [
    lambda features, logits: {"features": features, "logits": logits},
    lambda features, logits: [{"features": features}, [None, {"logits": logits}]],
    collections.namedtuple("Both", "features logits"),
    Said,
], ids=["dictionary", "nested", "named tuple", "dataclass"])  # fmt: skip
def test_of_several_outputs_the_logits_are_stored(form: Any, pixels: NDArray[np.uint8]) -> None:
    module: Any = trained(Saying(form))
    network, said = captured(module, pixels)
    assert isinstance(network.way, Exported) == (form is not Said)
    with torch.no_grad():
        maps = module.conv(images(pixels))
        expected = module.fc(F.relu(maps).mean((2, 3))).softmax(1).numpy()
    np.testing.assert_allclose(said.probabilities, expected, atol=1e-5)


def test_torchscript_inside_a_module_is_counted_and_said(pixels: NDArray[np.uint8]) -> None:
    script = torch.jit.script(nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU()))
    parts = nn.Conv2d(3, 4, 3), script, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4)
    network, _ = captured(nn.Sequential(*parts).eval(), pixels)
    assert [tap.name for tap in network.taps] == ["0"]
    assert network.notices[-1].startswith("1 convolution is not watched")
    with pytest.raises(ModelError, match="TorchScript"):
        captured(nn.Sequential(torch.jit.script(nn.Conv2d(3, 4, 3)), *parts[2:]).eval(), pixels)
