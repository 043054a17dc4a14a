"""What a person called a convolution, out of what an exporter made of it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import TYPE_CHECKING

from collector.frameworks.onnx.graph import kernel_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

    from collector.frameworks.onnx.graph import Graph

_SCOPES = "pkg.torch.onnx.name_scopes"
_OPERATION = re.compile(
    r"(Conv|Conv2D|Conv2DBackpropInput|ConvTranspose|DepthwiseConv2dNative|BiasAdd|convolution|"
    r"depthwise|separable_conv2d|conv2d_transpose|conv_transpose|FusedBatchNormV3)(_\d+)?(_quant)?"
)
"""What exporters add to a layer's name: the operation."""
_QUANTISED = re.compile(r"(_quant)?(_token_\d+)?$")
"""What is added to the name of a convolution whose operator is changed for whole numbers."""
_WEIGHT = re.compile(r"(.+?)[./](_?weight|kernel)(:0)?(_quantized)?")
_PUT_IN = re.compile(r"^(Conv[A-Za-z]+Fusion_W_)+")
"""What onnxruntime says before the name of a weight that it put something into."""
_MERGED = re.compile(r"(.+)/merged_input:0(_quantized)?")
"""The weight into which tf2onnx put a normalisation, whose name the convolution then bears."""
_OF_KERAS = re.compile(r".+/(convolution|conv_transpose|depthwise|separable_conv2d)(/.+)?")
_NUMBER = re.compile(r"_\d+$")
_FIRST_NUMBER = re.compile(r".+_1(_\d+)?")


def names_of(nodes: Sequence[onnx.NodeProto], graph: Graph) -> list[str]:
    """Short names of convolutions, each unique.

    Where a short name stands for several convolutions, more of the exporter's is taken; of several
    calls of one the later ones are numbered.
    """
    weights = [_PUT_IN.sub("", graph.origin(kernel_of(node))) for node in nodes]
    said = _unnumbered([_said(*one) for one in zip(nodes, weights, strict=True)])
    levels = [
        (_short(node, name, weight), *_of_parameter(weight), _path(name), _long(node))
        for node, name, weight in zip(nodes, said, weights, strict=True)
    ]
    seen: Counter[str] = Counter()
    names = []
    for candidates in levels:
        name = next((one for one in candidates if _of_one(one, levels, weights)), candidates[0])
        # What is called twice has its own name twice; nobody else has it.
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


def _of_one(name: str, levels: Sequence[tuple[str, ...]], weights: Sequence[str]) -> bool:
    """Return whether a name stands for the calls of one convolution alone."""
    bearers = {w for names, w in zip(levels, weights, strict=True) if name in names}
    return len(bearers) == 1


def _long(node: onnx.NodeProto) -> str:
    name = str(node.name or node.output[0])
    return _QUANTISED.sub("", name) if node.op_type in ("ConvInteger", "QLinearConv") else name


def _said(node: onnx.NodeProto, weight: str) -> str:
    """Return the exporter's name of a convolution, not of the normalisation that was put in."""
    merged = _MERGED.fullmatch(weight)
    return merged[1] if merged else _long(node)


def _unnumbered(names: Sequence[str]) -> list[str]:
    """Return names without the numbers that TensorFlow gave to all scopes of a Keras model.

    Keras 3 has walked through the model before it is exported, so that every scope is there already
    and is numbered: ``mine_1/conv_1/convolution`` is ``mine/conv/convolution``.
    """
    scopes = [
        [part for part in name.split("/") if not _OPERATION.fullmatch(part)]
        for name in names
        if "/" in name and name[0] != "/"
    ]
    parts = [part for scope in scopes for part in scope]
    numbered = bool(parts) and all(map(_NUMBER.search, parts))
    first = sum(bool(scope and _FIRST_NUMBER.fullmatch(scope[-1])) for scope in scopes)
    if not numbered or 2 * first <= len(scopes) or not any(map(_OF_KERAS.fullmatch, names)):
        return [*names]
    return [
        "/".join(_NUMBER.sub("", part) for part in name.split("/")) if "/" in name else name
        for name in names
    ]


def _short(node: onnx.NodeProto, name: str, weight: str) -> str:
    by_weight = _WEIGHT.fullmatch(weight)
    # The weights come first: where an exporter folds a normalisation into the convolution before,
    # the node and its scopes are those of the normalisation.
    if by_weight and "/" not in by_weight[1] and "::" not in by_weight[1]:
        return by_weight[1]
    scoped = _by_scopes(node)
    if scoped:
        return scoped
    if "/" in name:
        return _by_path(name)
    if by_weight and "::" not in by_weight[1]:
        return _by_path(by_weight[1])
    return name


def _of_parameter(weight: str) -> tuple[str, ...]:
    """Return a parameter's name where a person gave it: a module may hold several kernels."""
    return (weight,) if re.fullmatch(r"[A-Za-z_]\w*(\.\w+)+", weight) else ()


def _by_scopes(node: onnx.NodeProto) -> str | None:
    """Return the module that PyTorch's newer exporter notes with a node."""
    noted = next((one.value for one in node.metadata_props if one.key == _SCOPES), None)
    if noted is None:
        return None
    try:
        scopes = ast.literal_eval(noted)
        # The last one is the operation's own.
        return str(scopes[-2]) or None
    except (ValueError, SyntaxError, IndexError, TypeError):
        return None


def _by_path(name: str) -> str:
    """``/layer1/layer1.0/conv1/Conv`` → ``layer1.0.conv1``; ``model/conv1/Conv2D`` → ``conv1``."""
    parts = _path(name).split("/")
    if not name.startswith("/"):
        return parts[-1]
    # PyTorch repeats a container's name before its members.
    kept: list[str] = []
    for part in parts:
        if kept and part.startswith(f"{kept[-1]}."):
            kept[-1] = part
        else:
            kept.append(part)
    return ".".join(kept)


def _path(name: str) -> str:
    """Return an exporter's name without the operation at its end."""
    parts = [part for part in name.split(":", maxsplit=1)[0].split("/") if part]
    if len(parts) > 2 and parts[-2:] == ["separable_conv2d", "depthwise"]:
        # Two convolutions of one layer: the second one bears its name alone.
        return "/".join([*parts[:-3], f"{parts[-3]}.depthwise"])
    if len(parts) > 1 and _OPERATION.fullmatch(parts[-1]):
        parts.pop()
    return "/".join(parts)
