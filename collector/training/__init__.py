"""``python -m collector train``: trains a network and collects a run after each epoch.

Only ``network`` imports TensorFlow.
"""
