"""The packaged network's checkpoints and classes, by name; Keras need not be there for them."""

NAME = "vgg16-cifar10"
EARLY = f"{NAME}-epoch02"
CHECKPOINTS = (NAME, EARLY)
"""The packaged checkpoints: of the end of the training, and of its second epoch."""
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
