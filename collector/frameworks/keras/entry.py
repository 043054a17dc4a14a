"""Keras as one of the frameworks."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from collector.frameworks.keras.modelfile import check_model
from collector.frameworks.keras.runtime import start_tensorflow
from collector.frameworks.protocol import Framework
from collector.packaged import CHECKPOINTS

if TYPE_CHECKING:
    from collector.frameworks.protocol import Asked, Network


def reads(model: str) -> bool:
    """Return whether it is a packaged checkpoint or the path of a ``.keras`` file."""
    return model in CHECKPOINTS or model.endswith(".keras")


def load(model: str, asked: Asked) -> Network:
    """Load a model and find out how it is fed and read, and what there is to watch.

    Raises:
        ModelError: it cannot be loaded or watched.
    """
    from collector.frameworks.keras.models import load_model  # noqa: PLC0415 - imports TensorFlow
    from collector.frameworks.keras.network import understand  # noqa: PLC0415

    loaded = load_model(model, asked.custom)
    if asked.class_names is not None:
        loaded = dataclasses.replace(loaded, class_names=asked.class_names)
    return understand(loaded, asked.native_shape, asked.head)


KERAS: Final = Framework(
    name="Keras",
    reads=reads,
    check=check_model,
    start=start_tensorflow,
    load=load,
    bfloat16=True,
    takes_custom=True,
)
