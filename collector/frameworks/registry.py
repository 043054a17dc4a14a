"""The frameworks whose models are collected, and which of them runs a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from collector.frameworks.keras.entry import KERAS
from collector.frameworks.onnx.entry import ONNX
from collector.frameworks.torch.entry import TORCH

if TYPE_CHECKING:
    from collector.frameworks.protocol import Framework

FRAMEWORKS: Final[tuple[Framework, ...]] = (ONNX, TORCH, KERAS)
"""In the order in which they are asked; Keras is the last, and explains what nobody reads."""


def framework_of(model: str) -> Framework:
    """Return the framework that runs what ``--model`` names, by its kind."""
    return next((one for one in FRAMEWORKS if one.reads(model)), KERAS)
