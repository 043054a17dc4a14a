"""What PyTorch's exporters write as ONNX is watched as the module itself is."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from collector.frameworks.keras import vgg16
from collector.frameworks.protocol import Asked
from collector.frameworks.registry import framework_of
from collector.packaged import NAME
from tests.torch.networks import trained
from tests.torch.test_values import CASES, check
from tests.torch.test_values import images as plain
from tests.torch.test_vgg16 import close, converted

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from collector.frameworks.protocol import Captured, Network

EXPORTERS = ["dynamo", "torchscript"]


def exported(module: nn.Module, size: int, exporter: str, path: Path) -> str:
    """Write a module as ONNX, for any number of images."""
    example = (torch.zeros(2, 3, size, size),)
    with warnings.catch_warnings():
        # The older exporter says that it is the older one.
        warnings.simplefilter("ignore")
        if exporter == "dynamo":
            shapes = ({0: torch.export.Dim("images")},)
            torch.onnx.export(module, example, path, dynamic_shapes=shapes, verbose=False)
        else:
            axes = {"x": {0: "images"}}
            torch.onnx.export(
                module, example, path, dynamo=False, input_names=["x"], dynamic_axes=axes
            )
    return str(path)


def captured(
    path: str, pixels: NDArray[np.uint8], pixel_range: str, **asked: Any
) -> tuple[Network, Captured]:
    network = framework_of(path).load(path, Asked(native_shape=pixels.shape[1:3], **asked))
    proven = network.proven(
        pixels[:4], pixel_range=pixel_range, maps=True, batch_size=3, exact=False
    )
    return network, proven.capture(pixels)


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", [name for name in CASES if name != "hooks"])
def test_values_are_the_modules_own(
    name: str, exporter: str, pixels: NDArray[np.uint8], tmp_path: Path
) -> None:
    make, expect = CASES[name]
    module = trained(make())
    path = exported(module, pixels.shape[1], exporter, tmp_path / "net.onnx")
    network, said = captured(path, pixels, "0-1")
    with torch.inference_mode():
        check(network, said, expect(module, plain(pixels)), 1e-4)


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    from skimage import data

    picture = data.astronaut()
    return np.stack([picture[32 * n : 32 * n + 32, 200:232] for n in range(12)])


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_the_packaged_network_by_another_road(
    exporter: str, pictures: NDArray[np.uint8], tmp_path: Path
) -> None:
    keras = framework_of(NAME).load(NAME, Asked())
    proven = keras.proven(pictures, pixel_range="0-255", maps=True, batch_size=12, exact=True)
    one = proven.capture(pictures)
    path = exported(converted(vgg16.load(NAME)), 32, exporter, tmp_path / "vgg.onnx")
    network, other = captured(path, pictures, "0-255")
    assert [tap.name for tap in network.taps] == [tap.name for tap in keras.taps]
    assert [tap.filters for tap in network.taps] == [tap.filters for tap in keras.taps]
    assert close(other.gap, one.gap)
    assert close(other.probabilities, one.probabilities)
    assert one.maps is not None
    assert other.maps is not None
    for mine, theirs in zip(other.maps, one.maps, strict=True):
        low, step = theirs.low[..., None, None], theirs.step[..., None, None]
        values = low + step * theirs.codes
        own = mine.low[..., None, None] + mine.step[..., None, None] * mine.codes
        # Values that lie between two codes may fall to either.
        assert (np.abs(own - values) <= step + 1e-4 * np.abs(values).max()).all()
