"""What is said of a model whose input or output has another shape than can be collected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANNELS = (1, 3)
"""Numbers of channels of images that can be given to a model: grey and RGB."""
TO_LAST, TO_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]
"""Permutations of (B, C, H, W) that bring channels to the end, and of (B, H, W, C) back."""


def times(axes: Sequence[int | None]) -> str:
    """Return axes as they are written, 3 × any × any; nothing for none."""
    return " × ".join("any" if axis is None else str(axis) for axis in axes)


def not_images(axes: Sequence[int | None], wanted: str) -> ModelError:
    """Return what to say of an input that is no image; ``wanted`` names an image's axes."""
    return ModelError(f"the model takes {times(axes)} numbers an example, not images ({wanted}).")


def odd_channels(axes: Sequence[int | None]) -> ModelError:
    """Return what to say of images of other channels."""
    return ModelError(
        f"the model takes images of {times(axes)}; only 1 (grey) or 3 (RGB) channels can be given "
        "to it."
    )


def not_classes(axes: str) -> ModelError:
    """Return what to say of an output that is no row of numbers an image."""
    return ModelError(
        f"the model's output is images × {axes or '?'}; it must be images × classes (--head none "
        "watches the layers of a backbone, detector or segmenter alone)."
    )


def several_inputs(names: Sequence[str]) -> ModelError:
    """Return what to say of a model that takes not one array."""
    return ModelError(
        f"the model has {len(names)} inputs ({', '.join(names) or 'none'}); it must take images "
        "only."
    )
