"""Image sources of the collector: sample crops, CIFAR-10, folders and ``.npz`` files.

Importing this package imports neither TensorFlow, Keras nor scikit-image.
"""

from collector.images.base import (
    NO_LABEL,
    ImageChunk,
    ImageSource,
    ImageSourceError,
    Shape,
    Skipped,
)
from collector.images.labels import LabelFit, fit_labels
from collector.images.open import open_images

__all__ = [
    "NO_LABEL",
    "ImageChunk",
    "ImageSource",
    "ImageSourceError",
    "LabelFit",
    "Shape",
    "Skipped",
    "fit_labels",
    "open_images",
]
