"""ONNX models, run by onnxruntime.

Importing this package and ``entry`` imports neither onnx nor onnxruntime.
"""
