"""What is done to pixel values 0-255 before a model is given them, by the names that users say.

Importing this module imports no framework.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Scaling:
    """Values are multiplied, then moved.

    Attributes:
        scale: a factor for all channels, or one for each as the model takes them.
        offset: what is added then, likewise.
        reversed: whether the model takes channels blue first.
    """

    scale: float | tuple[float, ...] = 1.0
    offset: float | tuple[float, ...] = 0.0
    reversed: bool = False


AS_IT_IS: Final = Scaling()
"""Pixel values 0-255, red first."""

PIXEL_RANGES: Mapping[str, Scaling] = {
    "0-255": AS_IT_IS,
    "0-1": Scaling(1 / 255),
    "-1-1": Scaling(2 / 255, -1.0),
}
"""What brings pixel values to the range that a model was trained on."""

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE = Scaling(offset=(-103.939, -116.779, -123.68), reversed=True)
_TF = PIXEL_RANGES["-1-1"]
_TORCH = Scaling(
    tuple(1 / 255 / deviation for deviation in _DEVIATION),
    tuple(-mean / deviation for mean, deviation in zip(_MEAN, _DEVIATION, strict=True)),
)
"""ImageNet's mean and standard deviation, as torchvision has them."""

# Named by the module of each network; those that rescale inside the network leave pixels alone.
_APPLICATIONS = {
    "convnext": AS_IT_IS,
    "densenet": _TORCH,
    "efficientnet": AS_IT_IS,
    "efficientnet_v2": AS_IT_IS,
    "imagenet_utils": _CAFFE,
    "inception_resnet_v2": _TF,
    "inception_v3": _TF,
    "mobilenet": _TF,
    "mobilenet_v2": _TF,
    "mobilenet_v3": AS_IT_IS,
    "nasnet": _TF,
    "resnet": _CAFFE,
    "resnet50": _CAFFE,
    "resnet_v2": _TF,
    "vgg16": _CAFFE,
    "vgg19": _CAFFE,
    "xception": _TF,
}

PREPROCESSES: Mapping[str, Scaling] = {
    "imagenet": _TORCH,
    **{f"keras.applications.{name}": one for name, one in _APPLICATIONS.items()},
}
"""What ``preprocess_input`` of Keras' modules does, and torchvision."""

SCALINGS: Mapping[str, Scaling] = {**PIXEL_RANGES, **PREPROCESSES}
"""Both."""
