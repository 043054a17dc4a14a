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
    joined,
    none_readable,
)
from collector.images.classes import CLASSES_BY_NAME, read_classes
from collector.images.drawing import draw
from collector.images.labelling import Labelling, fitted
from collector.images.labels import LabelFit, fit_labels, fit_targets
from collector.images.open import open_images
from collector.images.values import ValueRange, parse_value_range
