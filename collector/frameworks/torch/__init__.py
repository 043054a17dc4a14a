"""PyTorch modules: exported where that can be had, listened to by hooks where not.

Importing this package and ``entry`` does not import torch.
"""
