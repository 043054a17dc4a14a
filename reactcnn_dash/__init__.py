"""ReactCNN: watch every filter of a CNN respond while the network runs."""

__version__ = "0.1.0"
