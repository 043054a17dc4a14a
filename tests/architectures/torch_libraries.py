"""Architectures of torchvision and timm, with random weights: the module, and its ONNX files."""

from __future__ import annotations

import importlib
import re
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from collector.frameworks.protocol import Asked
from collector.frameworks.torch.network import understand
from tests.architectures.said import Expected, Said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

PIXEL_RANGE = "0-1"
_FOLLOWING = frozenset({
    "_native_batch_norm_legit_no_training", "_prelu_kernel", "celu", "clamp", "clamp_min", "elu",
    "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "mish", "native_batch_norm",
    "native_group_norm", "native_layer_norm", "relu", "sigmoid", "silu", "tanh",
    "_fused_rms_norm", "clone", "mul", "add", "div", "sub", "pow",
})  # fmt: skip
"""Operations that, on one value alone, are normalisations or activations."""
_TURNS = ([0, 2, 3, 1], [0, 3, 1, 2])


def made(library: str, name: str, _size: int, options: dict[str, Any]) -> nn.Module:
    """Return a network in inference mode, its norms not those of its beginning."""
    torch.manual_seed(0)
    if library == "tv":
        module = importlib.import_module("torchvision").models.get_model(
            name, weights=None, num_classes=10, **options
        )
    else:
        module = importlib.import_module("timm").create_model(name, num_classes=10, **options)
    with torch.no_grad():
        for part in module.modules():
            if getattr(part, "running_var", None) is not None:
                part.running_mean.normal_(0, 0.1)
                part.running_var.uniform_(0.5, 1.5)
        for value in module.parameters():
            # Gains of 0, which hide what is before them, and biases of 0.
            if value.numel() and bool((value == value.flatten()[0]).all()):
                value.add_(torch.randn_like(value) * 0.1)
    return module.eval()


def given(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images as the module takes them, 0 to 1."""
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255)
    values: NDArray[np.float32] = images.contiguous().numpy()
    return values


class _Listening(TorchDispatchMode):  # type: ignore[misc] # torch is not there for the linters
    """Notes every operation that a module carries out: what it takes and gives."""

    def __init__(self, images: torch.Tensor) -> None:
        super().__init__()
        self.kept = [images]
        self.numbers = {id(images): 0}
        self.operations: list[tuple[str, list[int], tuple[Any, ...]]] = [("", [], ())]
        self.means: list[tuple[Any, Any]] = [(None, None)]

    def __torch_dispatch__(
        self,
        function: Any,
        types: Any,
        args: Any = (),
        kwargs: Any = None,
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
        takes = [self.numbers[id(one)] for one in tensors if id(one) in self.numbers]
        result = function(*args, **kwargs)
        name = function._schema.name.partition("::")[2].rstrip("_")
        # A normalisation gives its mean and deviation, too.
        results = tree_leaves(result)[: 1 if "norm" in name else None]
        for one in results if takes else ():
            if isinstance(one, torch.Tensor):
                self.numbers[id(one)] = len(self.kept)
                self.kept.append(one)
                self.operations.append((name, takes, args))
                values = one.detach().double() if one.ndim == 4 else None
                planar = None if values is None else values.mean((2, 3)).numpy()
                last = None if values is None else values.mean((1, 2)).numpy()
                self.means.append((planar, last))
        return result


def expected_of(module: nn.Module, images: NDArray[np.float32]) -> list[Expected]:
    """Return what PyTorch says of each two-dimensional convolution of a module."""
    tensor = torch.from_numpy(images)
    listening = _Listening(tensor)
    with torch.no_grad(), listening:
        returned = module(tensor)
    results = {listening.numbers.get(id(one)) for one in tree_leaves(returned)}
    users: dict[int, list[int]] = {}
    for place, (_, takes, _) in enumerate(listening.operations):
        for one in {*takes}:
            users.setdefault(one, []).append(place)
    found = []
    for place, (name, _, _) in enumerate(listening.operations):
        if name == "convolution" and listening.kept[place].ndim == 4:
            steps, means = zip(*_steps(listening, place, users, results), strict=True)
            found.append(Expected(steps, means))
    return found


def _steps(
    listening: _Listening, place: int, users: dict[int, list[int]], results: set[int | None]
) -> Iterator[tuple[str, Any]]:
    last = False
    yield "convolution", listening.means[place][0]
    while place not in results and len(users.get(place, [])) == 1:
        (after,) = users[place]
        name, takes, args = listening.operations[after]
        turned = name == "permute" and [axis % 4 for axis in args[1]] in _TURNS
        same = listening.kept[after].shape == listening.kept[place].shape
        if len({*takes}) != 1 or not (turned or (name in _FOLLOWING and same)):
            return
        place = after
        if turned:
            last = [axis % 4 for axis in args[1]] == _TURNS[0]
        else:
            yield name, listening.means[place][int(last)]


def watched(module: nn.Module, pixels: NDArray[np.uint8], _folder: Path) -> Said:
    """Return what the collector stores of a module."""
    _, height, width, _ = pixels.shape
    asked = Asked(native_shape=(height, width), head="none")
    return Said.of(understand(module, asked, source="architectures"), pixels, PIXEL_RANGE)


def export(module: nn.Module, size: int, path: str, road: str) -> None:
    """Write a module as ONNX: ``dynamo`` or ``older``, with the opset behind it (``dynamo18``)."""
    kind = re.fullmatch(r"(dynamo|older)(\d*)", road)
    if kind is None:
        raise ValueError(f"no exporter of PyTorch modules is called {road}.")
    exporter, opset = kind.groups()
    options: dict[str, Any] = {"opset_version": int(opset)} if opset else {}
    images = (torch.rand(2, 3, size, size),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == "dynamo":
            options |= {"dynamic_shapes": ({0: torch.export.Dim("images")},), "verbose": False}
        else:
            options |= {"input_names": ["x"], "dynamic_axes": {"x": {0: "images"}}}
        torch.onnx.export(module, images, path, dynamo=exporter == "dynamo", **options)
