"""What the tests of a model's inference share: networks made by hand, and captures of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from collector.frameworks.keras.models import LoadedModel
from collector.frameworks.keras.network import Network, understand
from collector.frameworks.keras.proof import proven_capture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collector.frameworks.protocol import Proven

SIDE = 12


def network_of(model: Any, native: tuple[int, int] | None = None) -> Network:
    """What the collector makes of a model."""
    return understand(LoadedModel(model.name, "", model, "", model.count_params(), None), native)


def proven(model: Any, pixels: NDArray[np.uint8], **options: Any) -> Proven:
    """The capture of a model, proven on pixels."""
    settings = {"pixel_range": "0-255", "maps": True, "batch_size": 2, **options}
    return proven_capture(network_of(model), pixels, **settings)


def photos(count: int = 4, side: int = SIDE) -> NDArray[np.uint8]:
    """Noise that is smooth enough to be changed by whatever changes pictures."""
    rng = np.random.default_rng(9)
    coarse = rng.integers(0, 256, (count, side // 4, side // 4, 3))
    return coarse.repeat(4, 1).repeat(4, 2).astype(np.uint8)


def classifier(tensor: Any, classes: int = 3) -> Any:
    """Class probabilities on top of maps."""
    pooled = keras.layers.GlobalAveragePooling2D()(tensor)
    return keras.layers.Dense(classes, activation="softmax")(pooled)
