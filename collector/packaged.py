"""The packaged network's checkpoints and classes, by name; Keras need not be there for them."""

from reactcnn_dash.vocabulary import PACKAGED

CHECKPOINTS = PACKAGED
NAME, EARLY = CHECKPOINTS
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
