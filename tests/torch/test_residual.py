"""A trained residual network on two roads: what is stored of it is the same."""

from __future__ import annotations

import numpy as np

from collector.frameworks.keras.models import LoadedModel, weights_digest
from collector.frameworks.keras.network import understand as understand_keras
from collector.frameworks.protocol import Asked
from collector.frameworks.torch.network import understand
from collector.images import open_images
from tests.benchmarks import residual
from tests.torch.resnet14 import trained


def test_a_residual_network_is_the_same_on_both_roads() -> None:
    model = residual.load()
    loaded = LoadedModel(
        name=model.name,
        source=model.name,
        model=model,
        sha256=weights_digest(model.weights),
        parameters=model.count_params(),
        class_names=None,
    )
    keras = understand_keras(loaded, (32, 32), None)
    torch = understand(trained(), Asked(native_shape=(32, 32)), source="resnet14")
    pixels = open_images("sample").read(0, 16, (32, 32, 3)).pixels
    said = [
        network.proven(pixels[:4], pixel_range="0-255", maps=False, batch_size=16, exact=True)
        .capture(pixels)
        for network in (keras, torch)
    ]  # fmt: skip
    np.testing.assert_allclose(said[0].probabilities, said[1].probabilities, atol=1e-5)
    assert [tap.filters for tap in keras.taps] == [tap.filters for tap in torch.taps]
    scale = np.abs(said[0].gap).max()
    np.testing.assert_allclose(said[0].gap, said[1].gap, atol=1e-4 * scale)
    assert len(np.unique(said[0].probabilities.argmax(1))) > 3
