"""The packaged VGG-16, converted to PyTorch: both roads store the same."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from collector.cli import main
from collector.frameworks.keras import vgg16
from collector.frameworks.protocol import Asked
from collector.frameworks.registry import framework_of
from collector.packaged import CLASSES, NAME
from collector.torch import watch
from reactcnn_dash.cli import main as dash
from reactcnn_dash.db import StoreReader

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def converted(model: Any) -> nn.Module:
    """Keras' layers as PyTorch's of the same names, weights and all."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for layer in model.layers:
        kind, weights = type(layer).__name__, [torch.tensor(one) for one in layer.get_weights()]
        made: nn.Module
        if kind == "Conv2D":
            made = nn.Conv2d(*weights[0].shape[2:], 3, padding=1, bias=len(weights) > 1)
            weights[0] = weights[0].permute(3, 2, 0, 1)
        elif kind == "BatchNormalization":
            made = nn.BatchNorm2d(len(weights[0]), eps=layer.epsilon)
        elif kind == "Dense":
            made = nn.Linear(*weights[0].shape)
            weights[0] = weights[0].T
        else:
            made = {
                "Activation": nn.ReLU, "ReLU": nn.ReLU, "Dropout": nn.Identity,
                "Flatten": nn.Flatten, "InputLayer": nn.Identity,
                "GlobalAveragePooling2D": Pooling, "MaxPooling2D": lambda: nn.MaxPool2d(2),
                "Rescaling": lambda layer=layer: Rescaling(layer.scale, layer.offset),
                "Normalization": lambda layer=layer: Rescaling(
                    1 / np.sqrt(np.ravel(layer.variance)),
                    -np.ravel(layer.mean) / np.sqrt(np.ravel(layer.variance)),
                ),
            }[kind]()  # fmt: skip
            weights = []
        names = ("weight", "bias", "running_mean", "running_var")
        made.load_state_dict(dict(zip(names, weights, strict=False)), strict=False)
        layers[layer.name] = made
        activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
        if kind in ("Conv2D", "Dense") and activation != "linear":
            layers[f"{layer.name}_act"] = nn.ReLU() if activation == "relu" else nn.Softmax(1)
    return nn.Sequential(layers).eval()


class Pooling(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


class Rescaling(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    def __init__(self, scale: Any, offset: Any) -> None:
        super().__init__()
        for name, value in (("scale", scale), ("offset", offset)):
            plain = torch.tensor(np.ravel(value), dtype=torch.float32)
            self.register_buffer(name, plain[:, None, None], persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale + self.offset


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    from skimage import data

    picture = data.astronaut()
    return np.stack([picture[32 * n : 32 * n + 32, 200:232] for n in range(12)])


def test_both_roads_store_the_same(images: NDArray[np.uint8], tmp_path: Any) -> None:
    store = str(tmp_path / "runs.db")
    model = vgg16.load(NAME)
    keras = framework_of(NAME).load(NAME, Asked())
    proven = keras.proven(images, pixel_range="0-255", maps=True, batch_size=12, exact=True)
    one = proven.capture(images)
    watched = watch(
        converted(model), store, images, feature_maps="all", class_names=CLASSES, experiment="v"
    )
    run = watched.record(epoch=1)
    assert run is not None
    reader = StoreReader(store)
    layers = reader.layers(run)
    assert [layer.name for layer in layers] == [tap.name for tap in keras.taps]
    assert [layer.filters for layer in layers] == [tap.filters for tap in keras.taps]
    assert reader.run(run).checkpoint.parameters == keras.loaded.parameters
    gap = reader.gap_rows(run, 0, len(images))
    assert close(gap, one.gap)
    said = np.stack([reader.image(run, place).probabilities for place in range(len(images))])
    assert close(said, one.probabilities)
    assert one.maps is not None
    uuid = reader.run(run).uuid
    for place in (0, 11):
        kept = reader.image_maps(uuid, place)
        assert kept is not None
        for mine, theirs in zip(kept, one.maps, strict=True):
            low, step = theirs.low[place, :, None, None], theirs.step[place, :, None, None]
            other = low + step * theirs.codes[place]
            own = mine.low[:, None, None] + mine.step[:, None, None] * mine.codes
            # Values that lie between two codes may fall to either.
            assert (np.abs(own - other) <= step + 1e-4 * np.abs(other).max()).all()
    kernels = {kernel.layer: kernel for kernel in keras.kernels()}
    for layer in layers:
        mine_of = reader.kernel(run, layer.name)
        assert mine_of is not None
        np.testing.assert_allclose(mine_of.spatial, kernels[layer.name].spatial, rtol=1e-6)


def close(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return bool(np.abs(one - other).max() <= 1e-4 * np.abs(other).max())


def test_compare_of_both_roads(
    images: NDArray[np.uint8], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Filter by filter the two runs correlate to 1 over the images."""
    store, archive = str(tmp_path / "runs.db"), tmp_path / "images.npz"
    random = np.random.default_rng(0)
    many = np.stack([np.roll(one, shift, 1) for one in images for shift in range(4)])
    many = many[random.permutation(len(many))]
    np.savez(archive, images=many)
    call = ["--store", store, "--images", str(archive), "--batch-size", "16", "--quiet"]
    assert main([*call, "--no-scores", "--feature-maps", "none"]) == 0
    run = watch(converted(vgg16.load(NAME)), store, many, class_names=CLASSES).record()
    assert run == 2
    capsys.readouterr()
    assert dash(["compare", "1", "2", "--store", store, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["layers"]
    for layer in found["layers"]:
        assert layer["cka"] > 0.99999
        assert all(one is None or one > 0.9999 for one in layer["same_index"])
