"""What a module returns, and which of it is stored."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch.utils import _pytree

from collector.errors import ModelError
from collector.frameworks.shapes import times

_LOGITS = "logits"


def leaves(returned: Any) -> list[tuple[str, Any]]:
    """Return all that a module returned, in the order of PyTorch's, each with its own name.

    The name is the last key, attribute or number on the way to it. What is in dataclasses that
    PyTorch does not know stands in the order of their fields.
    """
    found: list[tuple[str, Any]] = []
    for path, one in _pytree.tree_flatten_with_path(returned)[0]:
        if dataclasses.is_dataclass(one) and not isinstance(one, type):
            inner = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
            found.extend(leaves(inner))
        else:
            key = path[-1] if path else None
            found.append((str(getattr(key, "key", getattr(key, "name", ""))), one))
    return found


def fitting(returned: Any, images: int, *, stored: bool) -> tuple[int, torch.Tensor]:
    """Return which of what a module returned for so many images is stored, and that.

    Of several arrays of images × classes it is the one that is called logits. If none is to be
    stored, the first that has a row an image stands for the others.

    Raises:
        ModelError: there is none, or more than one.
    """
    found = leaves(returned)
    tensors = [one for _, one in found if isinstance(one, torch.Tensor)]
    fit = [
        (name, place, one)
        for place, (name, one) in enumerate(found)
        if isinstance(one, torch.Tensor)
        and one.ndim > 0
        and (one.ndim == 2 or not stored)
        and len(one) == images
    ]
    if stored and len(fit) > 1:
        fit = [one for one in fit if one[0] == _LOGITS] or fit
    if not stored:
        fit = fit[:1]
    if len(fit) != 1 or (stored and not fit[0][2].shape[1]):
        shapes = ", ".join(f"images × {times(one.shape[1:]) or 1}" for one in tensors[:6])
        raise ModelError(
            f"the model returns {shapes or f'a {type(returned).__name__}'}; it must return one "
            "array of images × classes, or one of them called logits (head none watches the layers "
            "of a backbone, detector or segmenter alone)."
        )
    return fit[0][1:]
