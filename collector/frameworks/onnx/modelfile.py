"""Reading an ONNX file: data, never code, and nothing outside its folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import external_data_helper, inliner, numpy_helper

from collector.errors import ModelError, reason
from collector.frameworks.onnx.unfused import unfuse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

_OLDEST, _MOST_BYTES = 9, 2**31 - 1
_LARGE_BYTES = 1024
_ELEMENTS = frozenset({
    onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE,
    onnx.TensorProto.INT8, onnx.TensorProto.UINT8,
})  # fmt: skip
"""Numbers that weights are of; shapes and axes stay in the graph."""
_OWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
_IN_BLOCKS = "com.microsoft.nchwc"
"""Operators on filters in blocks, which onnxruntime puts in where it saves for one processor."""


class Model(NamedTuple):
    """A model as it is held in memory.

    Attributes:
        proto: the graph, with its small weights.
        arrays: the large ones by name. What is made of the graph is small without them, and every
            session takes them from here.
    """

    proto: onnx.ModelProto
    arrays: Arrays


def read(spec: str, *, custom_ops: bool) -> Model:
    """Read a model with all of its weights, functions and fused convolutions written out.

    Args:
        spec: path of the file.
        custom_ops: whether a library of operators is at hand.

    Raises:
        ModelError: it is no ONNX model, its weights are not beside it, or nothing here runs it.
    """
    path = Path(spec).expanduser()
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except DecodeError as error:
        raise ModelError(
            f"{spec} is not an ONNX model, or its end is missing; copy or export it again."
        ) from error
    if not model.graph.node or not model.opset_import:
        raise ModelError(f"{spec} is not an ONNX model: it has no graph; export it again.")
    opset = opset_of(model)
    newest = onnx.defs.onnx_opset_version()
    if opset < _OLDEST:
        raise ModelError(f"{spec} is of opset {opset}; export it again with {_OLDEST} or newer.")
    if opset > newest:
        raise ModelError(
            f"{spec} is of opset {opset}, newer than the {newest} that is installed here; "
            "pip install -U onnx onnxruntime, or export it again with an older one."
        )
    _load_external_data(model, path, spec)
    try:
        model = inliner.inline_local_functions(model) if model.functions else model
    except Exception as error:
        # The inliner is native code and raises what the graph makes of it.
        raise ModelError(f"{spec} has functions that do not fit it: {reason(error)}.") from error
    if any(node.domain == _IN_BLOCKS for node in model.graph.node):
        raise ModelError(
            f"{spec} was optimised for one kind of processor, which keeps filters in blocks; give "
            "the model that it was made of, or optimise that at level basic or extended."
        )
    if not custom_ops:
        _refuse_foreign_operators(model.graph, spec)
    unfuse(model.graph, opset)
    return _apart(model)


def array_of(tensor: onnx.TensorProto, arrays: Arrays) -> NDArray[Any]:
    """Return the values of a weight of a :class:`Model`."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return arrays[tensor.name]
    return np.asarray(numpy_helper.to_array(tensor))


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX' own operators that a model is written in."""
    versions = [one.version for one in model.opset_import if one.domain in ("", "ai.onnx")]
    return versions[0] if versions else 1


def weights_digest(model: Model) -> tuple[str, int]:
    """SHA-256 (hex) over each weight's name, dtype, shape and bytes, and how many numbers they are.

    Weights are the initializers and constants of the graph that hold floats or are quantised, in
    the order of the file.
    """
    digest, count = hashlib.sha256(), 0
    for name, tensor in tensors(model.proto.graph):
        if tensor.data_type in (onnx.TensorProto.INT64, onnx.TensorProto.STRING):
            # Shapes and axes: exporters number them anew.
            continue
        array = np.ascontiguousarray(array_of(tensor, model.arrays))
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
        count += array.size
    return digest.hexdigest(), count


def tensors(graph: onnx.GraphProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    """Yield every constant of a graph and of the graphs inside it, with its name."""
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield node.output[0], attribute.t
            yield from ((node.output[0], tensor) for tensor in attribute.tensors)
    for inner in subgraphs(graph):
        yield from tensors(inner)


def subgraphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yield the bodies of a graph's If, Loop and Scan nodes."""
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield attribute.g
            yield from attribute.graphs


def _apart(model: onnx.ModelProto) -> Model:
    """Take the large weights out of a graph."""
    arrays: dict[str, NDArray[Any]] = {}
    for tensor in model.graph.initializer:
        if tensor.data_type not in _ELEMENTS or not tensor.HasField("raw_data"):
            continue
        array = numpy_helper.to_array(tensor)
        if array.nbytes < _LARGE_BYTES:
            continue
        arrays[tensor.name] = array
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", "in memory"), ("offset", 0), ("length", array.nbytes)):
            tensor.external_data.add(key=key, value=str(value))
    # A protocol buffer gives nothing back of what it once held.
    return Model(onnx.load_model_from_string(model.SerializeToString()), arrays)


def _load_external_data(model: onnx.ModelProto, path: Path, spec: str) -> None:
    """Read weights that stand in files of their own: beside the model or in a folder there."""
    folder = path.resolve().parent
    total = float(path.stat().st_size)
    for name, tensor in tensors(model.graph):
        if not external_data_helper.uses_external_data(tensor):
            continue
        location = {one.key: one.value for one in tensor.external_data}.get("location", "")
        file = (folder / location).resolve()
        if not location or Path(location).is_absolute() or not file.is_relative_to(folder):
            raise ModelError(
                f"{spec} keeps its weight {name[:80]!r} in {location[:80]!r}, outside its own "
                "folder, where nothing is read; export it again."
            )
        if not file.is_file():
            raise ModelError(
                f"{spec} keeps weights in {location[:80]}, which is not there; copy that file too."
            )
        total += float(np.prod(tensor.dims, dtype=np.float64)) * _width(tensor)
    if total > _MOST_BYTES:
        raise ModelError(f"{spec} has {total:,.0f} bytes of weights; 2 GiB are read at most.")
    try:
        external_data_helper.load_external_data_for_model(model, str(folder))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise ModelError(f"the weights of {spec} cannot be read: {reason(error)}") from error


def _width(tensor: onnx.TensorProto) -> int:
    try:
        return onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, TypeError):
        return 1


def _refuse_foreign_operators(graph: onnx.GraphProto, spec: str) -> None:
    for node in graph.node:
        if node.domain not in _OWN_DOMAINS:
            raise ModelError(
                f"{spec} needs the operator {node.op_type} of {node.domain}, which onnxruntime "
                "does not have; name its library with --custom-ops FILE, which runs its code."
            )
    for inner in subgraphs(graph):
        _refuse_foreign_operators(inner, spec)
