"""A model's own call on a few images, which leaves no trace in the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from collector.errors import ModelError, reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collector.frameworks.keras.flatten import FlatGraph

FAILURES = (tf.errors.OpError, ValueError, TypeError)
"""What TensorFlow raises where it cannot run a model."""
REHEARSED = 3
"""Images of the first pass: an odd number, so that an axis that folds others in is told apart."""


def cannot_run(error: Exception) -> ModelError:
    """Return what to say of one of :data:`FAILURES`."""
    return ModelError(f"TensorFlow cannot run the model: {reason(error)}")


def run_apart(graph: FlatGraph, images: NDArray[Any], wanted: Sequence[Any]) -> dict[int, Any]:
    """Do as ``graph.listen`` with images, and leave seeds and statistics as they are."""
    with keras.StatelessScope():
        return graph.listen(keras.ops.convert_to_tensor(images, graph.input.dtype), wanted)


def depends_on_its_batch(graph: FlatGraph) -> bool:
    """Return whether the model's answer to an image changes with the other images of its batch."""
    noise = np.random.default_rng(1).uniform(0, 255, (REHEARSED, *graph.input.shape[1:]))
    together, alone = (
        np.asarray(run_apart(graph, images, [])[id(graph.output)].numpy(), np.float64)[-1]
        for images in (noise, noise[-1:])
    )
    scale = np.abs(together).max()
    return not np.allclose(together, alone, rtol=0, atol=1e-3 * scale, equal_nan=True)
