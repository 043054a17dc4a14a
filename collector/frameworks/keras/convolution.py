"""3 × 3 convolutions of small feature maps with fewer multiplications than their definition has.

Deep in a network maps are small and filters many, and the multiplications of these layers are most
of the network's time. They can be had cheaper when many images go through together:

* Maps of up to 8 × 8: Winograd's minimal filtering F(4 × 4, 3 × 3), 36 multiplications for 16
  output values instead of 144 (Lavin & Gray 2016, "Fast algorithms for convolutional neural
  networks"). Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A for a tile d of 6 × 6 inputs and a kernel g; summed
  over channels the product in the middle is a matrix product, one for each of 36 positions.
* Maps of up to 2 × 2: every input value reaches every output value, so the layer is one matrix, 16
  multiplications instead of 36 with the zeros of the padding.

Measured with VGG-16's layers and 64 images on two cores with AVX-512, against oneDNN's direct
convolution: 1.7 times as fast at 4 × 4 and 8 × 8, 1.9 times at 2 × 2; hardly faster at 16 × 16,
where the tiles no longer fit the caches, and slower with fewer than some 30 images, since the
transformed kernels are larger than the kernels. Results differ by some 10⁻⁶ of the largest value,
as between any two orders of summation.

In a training the kernels are transformed at each step, and gradients go back the same way: they
need the same few multiplications twice more. Measured likewise with 128 images, forward and
backward together: 1.6 times as fast at 8 × 8, 2.7 times at 4 × 4, 3.5 times at 2 × 2; slower at
16 × 16.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from collector.frameworks.keras.flatten import Call

_FEWEST_IMAGES = 32
_FEWEST_CHANNELS = 128
_LARGEST_MAP = 8
_LARGEST_DENSE = 2
# Kernels that are transformed take up to four times the memory of the weights, beside them.
_MOST_PARAMETERS = 2**26

_TILE = 4
_WIDTH = _TILE + 2
_ROOT = 2.0**0.5
# With 0, ±√2, ±1/√2 and ∞ results are three times as exact as with the usual 0, ±1, ±2 and ∞.
_POINTS = (0.0, _ROOT, -_ROOT, 1 / _ROOT, -1 / _ROOT)


def worthwhile(parameters: int) -> bool:
    """Tell whether a model of so many parameters may have its convolutions computed otherwise.

    A graphics processor has its own ways, and by default multiplies matrices with fewer digits than
    the transforms need.
    """
    return parameters <= _MOST_PARAMETERS and not tf.config.list_physical_devices("GPU")


def substitute(call: Call, images: int) -> Callable[[Any], Any] | None:
    """Return what gives the same as a convolution in less time, where there is such a thing.

    Args:
        call: a call of any operation.
        images: how many images go through at a time.

    Returns:
        A function from (B, H, W, C) to (B, H, W, F) float32 tensors, with the weights as they are
        now; ``None`` where the operation itself is best.
    """
    layer = call.operation
    if not is_plain(layer):
        return None
    height, width, channels = call.inputs[0].shape[1:]
    if not _pays(images, height, width, channels, layer.filters):
        return None
    # Outside the graph that is being built, where large constants would be copied many times over.
    with tf.init_scope():
        bias = tf.constant(layer.bias.numpy()) if layer.use_bias else None
        multiply = _by_fewer(layer.kernel.numpy(), _transformed_once, height, width)

    def convolve(values: Any) -> Any:
        result = multiply(values)
        if bias is not None:
            result += bias
        return result if layer.activation is None else layer.activation(result)

    return convolve


def convolution(values: Any, kernel: Any) -> Any:
    """Convolve with a kernel as it is at each call; gradients reach both.

    Args:
        values: (B, H, W, C) float32; the faster way is taken where all four are known.
        kernel: (3, 3, C, F) float32, of a layer that :func:`is_plain`.

    Returns:
        (B, H, W, F) float32, with strides of 1 and the edges filled up with zeros.
    """
    images, height, width, channels = values.shape
    kernel = tf.convert_to_tensor(kernel)
    if images is None or not _pays(images, height, width, channels, kernel.shape[-1]):
        return tf.nn.conv2d(values, kernel, 1, "SAME")
    return _by_fewer(kernel, _transformed, height, width)(values)


def _pays(images: int, height: int | None, width: int | None, channels: int, filters: int) -> bool:
    return (
        images >= _FEWEST_IMAGES
        and min(channels, filters) >= _FEWEST_CHANNELS
        and height is not None
        and width is not None
        and max(height, width) <= _LARGEST_MAP
    )


def is_plain(layer: Any) -> bool:
    """Tell whether a layer is an ordinary 3 × 3 convolution in float32 that keeps maps' sizes."""
    return (
        # Not of a subclass: that may do anything.
        type(layer) is keras.layers.Conv2D
        and layer.kernel_size == (3, 3)
        and layer.strides == (1, 1)
        and layer.dilation_rate == (1, 1)
        and layer.padding == "same"
        and layer.groups == 1
        and layer.data_format == "channels_last"
        and layer.compute_dtype == layer.variable_dtype == "float32"
        and not getattr(layer, "lora_enabled", False)
    )


def _by_fewer(
    kernel: Any, transform: Callable[[Any], Any], height: int, width: int
) -> Callable[[Any], Any]:
    if max(height, width) <= _LARGEST_DENSE:
        return _by_one_matrix(kernel, height, width)
    return _by_tiles(transform(kernel), height, width)


def _by_one_matrix(kernel: Any, height: int, width: int) -> Callable[[Any], Any]:
    """Return the whole layer as a matrix (H W C, H W F), for sides of at most 2."""
    channels, filters = kernel.shape[2:]
    above, left, y, x = np.indices((height, width, height, width))
    places = 3 * (above - y + 1) + left - x + 1
    blocks = tf.gather(tf.reshape(kernel, (9, channels, filters)), places)
    size = height * width
    matrix = tf.reshape(tf.transpose(blocks, (0, 1, 4, 2, 3, 5)), (size * channels, size * filters))

    def multiply(values: Any) -> Any:
        flat = tf.reshape(values, (-1, matrix.shape[0]))
        return tf.reshape(tf.matmul(flat, matrix), (-1, height, width, filters))

    return multiply


def _both_sides() -> NDArray[Any]:
    """G ⊗ G (36, 9): both sides of G g Gᵀ at once, by vec(X Y Z) = (X ⊗ Zᵀ) vec Y."""
    _, g, _ = _transforms()
    return np.kron(g, g)


def _transformed(kernel: Any) -> Any:
    """Return G g Gᵀ (36, C, F) of a kernel (3, 3, C, F), a tensor."""
    channels, filters = kernel.shape[2:]
    flat = tf.reshape(kernel, (9, channels * filters))
    product = tf.matmul(tf.constant(_both_sides(), tf.float32), flat)
    return tf.reshape(product, (-1, channels, filters))


def _transformed_once(kernel: NDArray[Any]) -> Any:
    """Return the same of an array, computed in float64 and rounded once."""
    both = _both_sides()
    channels, filters = kernel.shape[2:]
    result = np.empty((len(both), channels, filters), np.float32)
    for channel in range(channels):
        # One at a time: in float64 the whole would be eight times the kernel.
        result[:, channel] = both @ kernel[:, :, channel].reshape(9, -1)
    return tf.constant(result)


def _by_tiles(middle: Any, height: int, width: int) -> Callable[[Any], Any]:
    """Winograd's algorithm with a transformed kernel (36, C, F); T tiles in all images together."""
    a, _, b = _transforms()
    channels, filters = middle.shape[1:]
    down, across = -(-height // _TILE), -(-width // _TILE)
    into, back = (tf.constant(np.kron(one, one), tf.float32) for one in (b, a))
    padding = [[0, 0], [1, 1 + down * _TILE - height], [1, 1 + across * _TILE - width], [0, 0]]

    def multiply(values: Any) -> Any:
        tiles = _overlapping(_overlapping(tf.pad(values, padding), 1, down), 3, across)
        if across > 1:
            tiles = tf.transpose(tiles, (0, 1, 3, 2, 4, 5))
        inputs = tf.reshape(tiles, (-1, _WIDTH**2, channels))
        # (T, 36, C) → (36, T, C) · (36, C, F) → (T, 36, F) → (T, 16, F)
        spread = tf.transpose(tf.matmul(into, inputs), (1, 0, 2))
        products = tf.transpose(tf.matmul(spread, middle), (1, 0, 2))
        outputs = tf.matmul(back, products)
        grid = tf.reshape(outputs, (-1, down, across, _TILE, _TILE, filters))
        maps = tf.transpose(grid, (0, 1, 3, 2, 4, 5))
        whole = tf.reshape(maps, (-1, down * _TILE, across * _TILE, filters))
        return whole[:, :height, :width]

    return multiply


def _overlapping(values: Any, axis: int, count: int) -> Any:
    """Cut an axis of 4 n + 2 into n windows of 6, each two beyond the next one's begin.

    Windows that were sliced would do as well, but TensorFlow lays out a whole array of zeros for
    the gradient of each slice.
    """
    shape = values.shape.as_list()
    shape[0] = -1
    if count == 1:
        return tf.expand_dims(values, axis)
    head, last = tf.split(values, [count * _TILE, 2], axis)
    firsts = tf.reshape(head, (*shape[:axis], count, _TILE, *shape[axis + 1 :]))
    begins, _ = tf.split(firsts, 2, axis + 1)
    _, following = tf.split(begins, [1, count - 1], axis)
    ends = tf.concat([following, tf.expand_dims(last, axis)], axis)
    return tf.concat([firsts, ends], axis + 1)


@cache
def _transforms() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Aᵀ (4, 6), G (6, 3) and Bᵀ (6, 6), float64.

    Cook and Toom's construction: kernel and result are evaluated at the points, and Bᵀ holds the
    coefficients of the polynomials that vanish at all points but one (Blahut 2010, "Fast algorithms
    for signal processing", chapter 5).
    """
    from numpy.polynomial.polynomial import polyfromroots  # noqa: PLC0415 - used once

    a = np.zeros((_TILE, _WIDTH))
    g = np.zeros((_WIDTH, 3))
    b = np.zeros((_WIDTH, _WIDTH))
    for k, point in enumerate(_POINTS):
        others = [other for other in _POINTS if other != point]
        a[:, k] = point ** np.arange(_TILE)
        g[k] = point ** np.arange(3) / np.prod([point - other for other in others])
        b[k, :-1] = polyfromroots(others)
    # The point at infinity takes the highest coefficients alone.
    a[-1, -1] = g[-1, -1] = 1.0
    b[-1] = polyfromroots(_POINTS)
    return a, g, b
