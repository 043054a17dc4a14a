"""Keras models, and the packaged network.

Importing this package, ``entry`` and ``modelfile`` imports neither Keras nor TensorFlow.
"""
