"""Loading models: the packaged VGG-16, or any ``.keras`` file, without running foreign code."""

from __future__ import annotations

import hashlib
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from collector.errors import ModelError
from collector.frameworks.keras import custom as own
from collector.frameworks.keras import vgg16
from collector.frameworks.keras.modelfile import checked_model_file, keras_version, saved_loss
from collector.lookalikes import FROM_KERAS_2
from collector.packaged import CHECKPOINTS, CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model with its weights.

    Attributes:
        name: the model's own name.
        source: what was asked for: a packaged checkpoint's name or an absolute path.
        model: the ``keras.Model``, built and not compiled.
        sha256: hex digest of the weights, see :func:`weights_digest`.
        parameters: number of weights, those that are not trained included.
        class_names: names of its classes where they are known.
        of_values: whether it was trained by a loss of values, like the mean squared error.
    """

    name: str
    source: str
    model: Any
    sha256: str
    parameters: int
    class_names: tuple[str, ...] | None
    of_values: bool = False

    @property
    def framework(self) -> str:
        """Name of the framework that runs it."""
        return "Keras"


def load_model(spec: str, custom: str | None = None) -> LoadedModel:
    """Load the packaged network at one of its checkpoints, or a ``.keras`` file.

    Files are opened in Keras' safe mode and not compiled, so that no code inside them runs; the
    code in ``custom`` does.

    Args:
        spec: one of ``packaged.CHECKPOINTS``, or the path of a ``.keras`` file.
        custom: path of a Python file that registers what the model needs.

    Raises:
        ModelError: there is no such file, it is no Keras model, or it needs code that is neither
            in it nor in ``custom``.
    """
    objects = None if custom is None else own.run(custom)
    of_values = False
    if spec in CHECKPOINTS:
        model, source, class_names = vgg16.load(spec), spec, CLASSES
    else:
        path = checked_model_file(spec)
        model = _deserialise(path, spec, custom, objects)
        source, class_names = str(path.resolve()), None
        of_values = is_of_values(saved_loss(path))
    return LoadedModel(
        name=model.name,
        source=source,
        model=model,
        sha256=weights_digest(model.weights),
        parameters=model.count_params() if model.built else 0,
        class_names=class_names,
        of_values=of_values,
    )


_OF_VALUES = frozenset(
    ("mse", "meansquarederror", "mae", "meanabsoluteerror", "mape", "meanabsolutepercentageerror",
     "msle", "meansquaredlogarithmicerror", "huber", "logcosh", "poisson")
)  # fmt: skip


def is_of_values(loss: Any) -> bool:
    """Return whether a loss, as ``compile`` takes it or a file describes it, is one of values."""
    if isinstance(loss, dict):
        name = loss.get("class_name")
        loss = loss.get("config") if name == "function" else name
    if not isinstance(loss, str):
        loss = getattr(loss, "__name__", None) or type(loss).__name__
    return loss.replace("_", "").lower() in _OF_VALUES


def weights_digest(weights: Iterable[Any], *, whole_paths: bool = False) -> str:
    """SHA-256 (hex) over each weight's name, dtype, shape and bytes (C order), in their order.

    The name is that of its layer and its own: models around the layer are in a weight's path before
    a Sequential model is saved, and no longer when it is loaded.

    Args:
        weights: Keras variables.
        whole_paths: take the whole path for the name, as stores of former versions have it.
    """
    digest = hashlib.sha256()
    for weight in weights:
        array = np.ascontiguousarray(weight.numpy())
        name = weight.path if whole_paths else "/".join(weight.path.split("/")[-2:])
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.view(np.uint8).data if array.size else b"")
    return digest.hexdigest()


def _deserialise(path: Path, spec: str, custom: str | None, objects: dict[str, Any] | None) -> Any:
    try:
        with warnings.catch_warnings():
            # What Keras warns of (an optimizer that is not restored, say) concerns training.
            warnings.simplefilter("ignore")
            model = keras.saving.load_model(
                path, custom_objects=objects, compile=False, safe_mode=True
            )
    except Exception as error:
        # Keras raises whatever a damaged or foreign configuration makes Python raise.
        raise ModelError(_explain(error, spec, path, custom)) from error
    if not isinstance(model, keras.Model):
        raise ModelError(f"{spec} holds a {type(model).__name__}, not a Keras model.")
    return model


def _explain(error: Exception, spec: str, path: Path, custom: str | None) -> str:
    text = " ".join(str(error).split())
    if "lambda" in text.lower() and "safe" in text.lower():
        return (
            f"{spec} has a Lambda layer, which would run code from the file; replace it by a Keras "
            "layer (Rescaling, Activation, …) and save the model again."
        )
    missing = re.search(
        r"Could not locate (?:class|function) '([^']+)'(?:.*?'module': '?([\w.]*))?", text
    )
    foreign = missing is not None and not (missing[2] or "").startswith("keras")
    version = keras_version(path)
    if version and _numbers(version) and not foreign:
        reason = _shorten(text) or type(error).__name__
        if _numbers(version) < (3,):
            return (
                f"{spec} was saved by Keras {version}, and Keras {keras.__version__} cannot read "
                f"it; convert it: {FROM_KERAS_2}"
            )
        if _numbers(version) > _numbers(keras.__version__):
            return (
                f"{spec} was saved by Keras {version}, newer than the {keras.__version__} that is "
                f"installed here, which cannot read it ({reason}); pip install -U keras, or save "
                "it again with this one."
            )
    if missing and custom is not None:
        return (
            f"{spec} needs {missing[1]!r}, which {custom} neither registers nor defines; put "
            "@keras.saving.register_keras_serializable() and its code there, or import it there."
        )
    if missing:
        return (
            f"{spec} needs {missing[1]!r}, which is not part of Keras; give the Python file that "
            "registers it to the collector with --custom FILE, which runs it."
        )
    return f"{spec} cannot be loaded ({_shorten(text) or type(error).__name__})."


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with, to compare."""
    found = re.match(r"[0-9]+(\.[0-9]+)*", version)
    return tuple(int(number) for number in found[0].split(".")) if found else ()


def _shorten(text: str, most: int = 160) -> str:
    first = text.partition(". ")[0].rstrip(".")
    return first if len(first) <= most else f"{first[:most]}…"
