"""onnxruntime's sessions, and what goes wrong in them as one line."""

from __future__ import annotations

import ctypes
import os
import re
from typing import TYPE_CHECKING, Any

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from collector.errors import ModelError, out_of_memory
from collector.frameworks.protocol import IN_FLIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collector.frameworks.onnx.modelfile import Arrays

_ERRORS = (
    native.EPFail,
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NotImplemented,
    native.RuntimeException,
    MemoryError,
)
_WHERE = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : |\S+onnxruntime\S+:\d+ .*?\) ")
_MOST = 240


def session(
    model: bytes, arrays: Arrays, custom_ops: str | None = None, *, as_written: bool = False
) -> Any:
    """Make a model ready.

    Args:
        model: as its file has it.
        arrays: its large weights, see ``modelfile.Model``; the session has its own copy of
            them, as it packs them.
        custom_ops: path of a library of operators, which is run.
        as_written: carry out node by node, which is ready sooner and slower.

    Raises:
        ModelError: onnxruntime cannot run the model.
    """
    options = onnxruntime.SessionOptions()
    # The cores that this process may use, and not those of the machine, less those of the other
    # batches in flight: each brings the thread that calls. One thread more than cores costs 15 %.
    # Whoever waits for work must not keep the writer from its own.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    options.intra_op_num_threads = max(1, (cores or 1) - (IN_FLIGHT - 1))
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    if as_written:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if arrays:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in arrays.values()]
        options.add_external_initializers(list(arrays), values)
    if custom_ops is not None:
        try:
            options.register_custom_ops_library(custom_ops)
        except _ERRORS as error:
            raise ModelError(f"cannot use the operators of {custom_ops}: {said(error)}") from error
    try:
        made = onnxruntime.InferenceSession(model, options, providers=_providers())
    except _ERRORS as error:
        raise ModelError(f"onnxruntime cannot run the model: {said(error)}") from error
    _give_back()
    return made


def carry_out(made: Any, outputs: Sequence[str], given: dict[str, Any]) -> list[NDArray[Any]]:
    """Run a session.

    Raises:
        ModelError: onnxruntime cannot run it with what it is given.
    """
    try:
        results: list[NDArray[Any]] = made.run(list(outputs), given)
    except _ERRORS as error:
        text = said(error)
        if isinstance(error, MemoryError) or "alloc" in text.lower():
            (count, *_), *_ = (value.shape for value in given.values())
            raise out_of_memory(count) from error
        raise ModelError(f"onnxruntime cannot run the model: {text}") from error
    return results


def _give_back() -> None:
    """Return to the system what making a session took for a moment; glibc would keep it.

    It is a few times the weights; so are the sessions that are gone.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)


def said(error: Exception) -> str:
    """Return the line of an error of onnxruntime that says what is wrong."""
    text = " ".join(_WHERE.sub("", _WHERE.sub("", str(error))).split()) or type(error).__name__
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"


def _providers() -> list[str]:
    """Return a graphics processor where this onnxruntime has one, and the processor."""
    wanted = ("CUDAExecutionProvider", "ROCMExecutionProvider", "CPUExecutionProvider")
    available = onnxruntime.get_available_providers()
    return [one for one in wanted if one in available]
