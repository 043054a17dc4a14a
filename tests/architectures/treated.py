"""What tools make of an ONNX file: simpler, optimised, in halves, of another opset, quantised."""

from __future__ import annotations

import importlib
import math
from typing import TYPE_CHECKING, Any

import onnx
import onnxruntime
from onnx import version_converter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HALVES, STEPS = 2e-2, math.inf
"""How far values may be off that were computed in float16; in whole numbers they are others."""


def treat(path: str, how: str, images: NDArray[np.float32]) -> tuple[str, float]:
    """Treat a file.

    Args:
        path: of the file.
        how: ``sim``, ``slim``, ``basic``, ``extended``, ``all``, ``half``, ``opsetN``, ``qdq``,
            ``qoperator`` or ``dynamic``.
        images: what the model takes, to quantise it by.

    Returns:
        The new file, and how far its values may be off, 0 for as usual.
    """
    treated = path.replace(".onnx", f".{how}.onnx")
    # Tools lose weights that stand in files of their own, or the folder of those.
    model = onnx.load(path)
    onnx.save(model, path)
    if how == "sim":
        model, fine = importlib.import_module("onnxsim").simplify(model)
        assert fine
    elif how == "slim":
        model = importlib.import_module("onnxslim").slim(model)
    elif how == "half":
        from_floats = importlib.import_module("onnxconverter_common.float16")
        model = from_floats.convert_float_to_float16(model, keep_io_types=True)
    elif how.startswith("opset"):
        model = version_converter.convert_version(model, int(how.removeprefix("opset")))
    elif how in ("qdq", "qoperator", "dynamic"):
        _quantise(path, treated, how, images)
        return treated, STEPS
    else:
        options = onnxruntime.SessionOptions()
        levels = onnxruntime.GraphOptimizationLevel
        options.graph_optimization_level = getattr(levels, f"ORT_ENABLE_{how.upper()}")
        options.optimized_model_filepath = treated
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return treated, 0.0
    onnx.save(model, treated)
    return treated, HALVES if how == "half" else 0.0


def _quantise(path: str, treated: str, how: str, images: NDArray[np.float32]) -> None:
    quantization: Any = importlib.import_module("onnxruntime.quantization")
    if how == "dynamic":
        quantization.quantize_dynamic(path, treated)
        return
    prepared = path.replace(".onnx", ".prepared.onnx")
    importlib.import_module("onnxruntime.quantization.shape_inference").quant_pre_process(
        path, prepared, skip_symbolic_shape=True
    )
    name = onnx.load(prepared).graph.input[0].name

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc] # not there for linters
        """Gives the images once."""

        def __init__(self) -> None:
            self._left = [{name: images}]

        def get_next(self) -> Any:
            return self._left.pop() if self._left else None

    form = quantization.QuantFormat.QDQ if how == "qdq" else quantization.QuantFormat.QOperator
    quantization.quantize_static(
        prepared, treated, Reader(), quant_format=form, per_channel=how == "qdq"
    )
