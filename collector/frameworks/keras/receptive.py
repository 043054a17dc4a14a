"""What is seen of the image behind each call of a model's graph."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

import keras

from collector.frameworks.keras.activations import ACTIVATION_OPERATIONS
from collector.frameworks.keras.layout import CONVOLUTIONS
from collector.frameworks.steps import whole, windowed
from reactcnn_dash.analysis.receptive_field import same_padding

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.frameworks.keras.flatten import Call
    from collector.frameworks.steps import Seen
    from reactcnn_dash.analysis.receptive_field import Axis

    Moves = Callable[[tuple[Axis, Axis]], Seen]

_L = keras.layers
_POOLING: Final = (_L.MaxPooling2D, _L.AveragePooling2D)
_GLOBAL: Final = (_L.GlobalAveragePooling2D, _L.GlobalMaxPooling2D)
_MERGING: Final = (
    *(_L.Add, _L.Subtract, _L.Multiply, _L.Average, _L.Maximum, _L.Minimum, _L.Concatenate),
)
_CELL_BY_CELL: Final = (
    *(_L.BatchNormalization, _L.Activation, _L.ReLU, _L.LeakyReLU, _L.PReLU, _L.ELU),
    *(_L.Rescaling, _L.Dropout, _L.SpatialDropout2D, _L.GaussianNoise, _L.GaussianDropout),
    *(_L.Identity, _L.ActivityRegularization, _L.Normalization),
)
_OPERATIONS: Final = ACTIVATION_OPERATIONS | {
    *("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum", "Concatenate"),
    *("Cast", "Abs", "Negative", "Square", "Sqrt", "Exp", "Clip"),
}
"""Class names of functions of ``keras.ops`` that take maps cell by cell."""


def moves_of(call: Call) -> Moves | Literal["cell by cell"]:
    """Return what a call does to what is seen, see ``steps.Step``."""
    operation = call.operation
    if isinstance(operation, _MERGING) or _is_cell_by_cell(operation):
        return "cell by cell"
    if len(call.outputs[0].shape) != 4 or isinstance(operation, _GLOBAL):
        # Pooled over all places, or folded into a row: whatever follows sees everything.
        return whole
    sizes = _spatial(call.inputs[0], operation), _spatial(call.outputs[0], operation)
    return partial(_slid, operation, sizes)


def _slid(
    operation: Any,
    sizes: tuple[tuple[int, int] | None, tuple[int, int] | None],
    seen: tuple[Axis, Axis],
) -> Seen:
    """Return what is seen behind what moves over places, by the maps' sizes before and after."""
    before, after = sizes
    if before is None or after is None:
        return None
    if isinstance(operation, (*CONVOLUTIONS, *_POOLING)):
        return _windowed(operation, seen, before, after)
    if isinstance(operation, (_L.ZeroPadding2D, _L.Cropping2D)):
        padding = isinstance(operation, _L.ZeroPadding2D)
        amounts = operation.padding if padding else operation.cropping
        firsts = [first if padding else -first for first, _ in amounts]
        return seen[0].padded(firsts[0]), seen[1].padded(firsts[1])
    if isinstance(operation, _L.UpSampling2D):
        mixed = 0 if operation.interpolation == "nearest" else 1
        return seen[0].enlarged(operation.size[0], mixed), seen[1].enlarged(
            operation.size[1], mixed
        )
    return "whole" if isinstance(operation, _L.GroupNormalization) else None


def _windowed(
    operation: Any, seen: tuple[Axis, Axis], before: tuple[int, int], after: tuple[int, int]
) -> Seen:
    kernel = operation.pool_size if isinstance(operation, _POOLING) else operation.kernel_size
    dilation = getattr(operation, "dilation_rate", (1, 1))
    transposed = isinstance(operation, _L.Conv2DTranspose)
    sizes, strides, steps = (
        [int(one) for one in of] for of in (kernel, operation.strides, dilation)
    )
    lengths = after if transposed else before
    padding = [
        same_padding(*one) if operation.padding == "same" else 0
        for one in zip(lengths, sizes, strides, steps, strict=True)
    ]
    return windowed(sizes, strides, steps, padding, transposed=transposed)(seen)


def _is_cell_by_cell(operation: Any) -> bool:
    if isinstance(operation, _CELL_BY_CELL):
        return True
    if isinstance(operation, (_L.LayerNormalization, _L.UnitNormalization)):
        axis = operation.axis
        return axis in (-1, 3, [-1], [3], (-1,), (3,))
    inside = type(operation).__module__.startswith(("keras.src.ops.", "keras.src.activations."))
    return inside and type(operation).__name__ in _OPERATIONS


def _spatial(tensor: Any, operation: Any) -> tuple[int, int] | None:
    """Height and width of a tensor of four axes; None where they are not known."""
    if len(tensor.shape) != 4:
        return None
    first = getattr(operation, "data_format", "channels_last") == "channels_first"
    height, width = tensor.shape[2:4] if first else tensor.shape[1:3]
    return None if height is None or width is None else (height, width)
