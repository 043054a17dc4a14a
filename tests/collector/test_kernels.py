"""Stored kernels against what the layers do: a filter's weights, applied by hand to an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from collector.cli import main
from collector.frameworks.keras.kernels import weights_of
from reactcnn_dash.db import StoreReader

if TYPE_CHECKING:
    from pathlib import Path


def by_hand(weights: np.ndarray, image: np.ndarray, groups: list[list[int]]) -> np.ndarray:
    """Valid cross-correlation of an (H, W, C) image with (F, h, w, C') weights: (H', W', F)."""
    filters, height, width, _ = weights.shape
    rows, columns = image.shape[0] - height + 1, image.shape[1] - width + 1
    result = np.zeros((rows, columns, filters))
    for f in range(filters):
        for y in range(rows):
            for x in range(columns):
                window = image[y : y + height, x : x + width][..., groups[f]]
                result[y, x, f] = (window * weights[f]).sum()
    return result


@pytest.mark.parametrize(
    ("layer", "groups"),
    [
        (keras.layers.Conv2D(5, (3, 2), use_bias=False), [[0, 1, 2, 3]] * 5),
        (keras.layers.Conv2D(4, 3, groups=2, use_bias=False), [[0, 1]] * 2 + [[2, 3]] * 2),
        (
            keras.layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False),
            [[c] for c in range(4) for _ in range(2)],
        ),
        (
            keras.layers.SeparableConv2D(3, 3, depth_multiplier=2, use_bias=False),
            [[0, 1, 2, 3]] * 3,
        ),
    ],
)
def test_weights_do_what_the_layer_does(layer: Any, groups: list[list[int]]) -> None:
    image = np.random.default_rng(0).standard_normal((6, 5, 4)).astype(np.float32)
    expected = np.asarray(layer(image[None]))[0]
    np.testing.assert_allclose(by_hand(weights_of(layer), image, groups), expected, atol=1e-4)


def test_weights_of_a_transposed_convolution_are_what_one_point_becomes() -> None:
    layer = keras.layers.Conv2DTranspose(3, 2, use_bias=False)
    for channel in range(4):
        point = np.zeros((1, 1, 1, 4), np.float32)
        point[..., channel] = 1
        found = np.asarray(layer(point))[0]
        np.testing.assert_allclose(np.moveaxis(weights_of(layer)[..., channel], 0, -1), found)


def test_a_run_stores_the_kernels_of_its_checkpoint(
    tiny_path: Path, tiny_model: Any, tiny_images: Path, tmp_path: Path
) -> None:
    store = str(tmp_path / "a.db")
    words = ["--model", str(tiny_path), "--images", str(tiny_images), "--store", store]
    for _ in range(2):
        assert main([*words, "--limit", "3", "--quiet"]) == 0
    reader = StoreReader(store)
    names = [layer.name for layer in reader.layers(2)]
    for run in (1, 2):
        for name in names:
            kernel = reader.kernel(run, name)
            assert kernel is not None
            weights = np.moveaxis(tiny_model.get_layer(name).kernel.numpy(), -1, 0)
            spatial = np.sqrt((weights.astype(np.float64) ** 2).sum(axis=3))
            channels = np.sqrt((weights.astype(np.float64) ** 2).sum(axis=(1, 2)))
            np.testing.assert_allclose(kernel.spatial, spatial, rtol=1e-5)
            np.testing.assert_allclose(kernel.channels, channels, rtol=1e-3)
            if weights.shape[-1] <= 4:
                assert kernel.weights is not None
                np.testing.assert_array_equal(kernel.weights, weights)
            else:
                assert kernel.weights is None
    assert {reader.kernel(1, name).weights is None for name in names} == {True, False}  # type: ignore[union-attr]
    assert reader.kernel(1, "no such layer") is None
