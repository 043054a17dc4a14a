"""Whether a path can be a Keras model, told without importing Keras."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector import lookalikes
from collector.errors import ModelError
from collector.packaged import CHECKPOINTS
from collector.space import free_memory
from reactcnn_dash.kinds import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_CONFIG = 2**26
_SIZES = ("units", "filters", "input_dim", "output_dim", "key_dim", "depth_multiplier")
_WHOLE = ("Conv1D", "Conv2D", "Conv3D")
_DAMAGE = (OSError, LookupError, RuntimeError, zipfile.BadZipFile, zlib.error)


def check_model(spec: str) -> None:
    """Refuse what is neither the packaged network nor a ``.keras`` file.

    Raises:
        ModelError: saying what is wrong with ``spec``.
    """
    if spec not in CHECKPOINTS:
        checked_model_file(spec)


def checked_model_file(spec: str) -> Path:
    """Return the path of a ``.keras`` file, judged by its content and its name.

    Raises:
        ModelError: there is no such file, or it is something else.
    """
    path = Path(spec).expanduser()
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            # To open a pipe is to wait for ever.
            raise ModelError(f"{spec} is a pipe or a device, not a model; name a file.")
        if path.is_dir() or not _is_keras_archive(path):
            raise ModelError(f"{spec} {lookalikes.explain(path)}")
    except FileNotFoundError as error:
        packaged = " or ".join(CHECKPOINTS)
        raise ModelError(
            f"no model {spec!r}: give {packaged}, or the path of a .keras or .onnx file."
        ) from error
    except OSError as error:
        raise ModelError(f"cannot read {spec}: {error.strerror}.") from error
    refuse_unbelievable_sizes(path, spec)
    if path.suffix != ".keras":
        raise ModelError(f"{spec} is a Keras model, but its name must end in .keras; rename it.")
    return path


def keras_version(path: Path) -> str | None:
    """Return the version of the Keras that wrote a ``.keras`` file; ``None`` if it does not say."""
    try:
        with zipfile.ZipFile(path) as archive:
            said = _json_in(archive, "metadata.json")["keras_version"]
    except (ValueError, TypeError, *_DAMAGE):
        return None
    return said if isinstance(said, str) else None


def saved_loss(path: Path) -> Any:
    """Return the loss that a ``.keras`` file was compiled with, as Keras describes it.

    ``None`` if it says none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _json_in(archive, "config.json")["compile_config"]["loss"]
    except (ValueError, TypeError, *_DAMAGE):
        return None


def _json_in(archive: zipfile.ZipFile, name: str) -> Any:
    """Return what a file of an archive says.

    Raises:
        ValueError: it is no JSON, or would expand to more than any configuration.
    """
    if archive.getinfo(name).file_size > _MOST_CONFIG:
        raise ValueError("too large")
    return read_json(archive.read(name))


def _is_keras_archive(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "config.json" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def refuse_unbelievable_sizes(path: Path, spec: str) -> None:
    """Refuse a model whose configuration asks for more weights than the file holds.

    Keras would make them all before it looks for their values. Told from the archive's directory
    and the configuration, before anything is allocated.

    Raises:
        ModelError: naming the layer.
    """
    with zipfile.ZipFile(path) as archive:
        sizes = {one.filename: one.file_size for one in archive.infolist()}
        if sizes["config.json"] > _MOST_CONFIG:
            raise ModelError(f"{spec} has a configuration of {sizes['config.json']:,} bytes.")
        expanded, free = sum(sizes.values()), free_memory()
        if free is not None and expanded > free:
            raise ModelError(
                f"{spec} expands to {expanded / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB of "
                f"memory are free."
            )
        try:
            config = _json_in(archive, "config.json")
        except (ValueError, *_DAMAGE):
            # Keras says what is wrong with it.
            return
    # A weight takes half a byte at least, in the most frugal quantisation.
    most = 2 * sum(size for name, size in sizes.items() if name != "config.json")
    before: int | None = None
    for layer in _layers(config):
        weights, name = _least_weights(layer, before), layer["config"].get("name", "a layer")
        if weights > most:
            raise ModelError(
                f"{spec} is damaged: its layer {str(name)[:80]!r} asks for {weights:,} weights or "
                f"more, and the file cannot hold that many."
            )
        # Where two dense layers follow each other, the second sees what the first gives.
        dense = layer.get("class_name") == "Dense"
        before = _size(layer["config"].get("units")) if dense else None


def _layers(config: Any) -> Iterator[dict[str, Any]]:
    """Yield every part of a configuration that has one of its own, in the order of the file."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if isinstance(part.get("config"), dict):
                yield part
            waiting.extend(reversed(part.values()))
        elif isinstance(part, list):
            waiting.extend(reversed(part))


def _least_weights(layer: dict[str, Any], before: int | None) -> int:
    """Return how many weights a layer has at least."""
    config = layer["config"]
    sizes = [_size(config.get(name)) for name in _SIZES]
    built = layer.get("build_config")
    shape = built.get("input_shape") if isinstance(built, dict) else None
    seen = _size(shape[-1]) if isinstance(shape, list) and shape else 1
    if layer.get("class_name") == "Dense":
        return sizes[0] * max(seen, before or 1)
    if sizes[1] > 1:
        kernel = config.get("kernel_size")
        places = math.prod(map(_size, kernel)) if isinstance(kernel, list) else _size(kernel)
        # A convolution that is separable or of groups has fewer: a weight a filter and place.
        whole = layer.get("class_name") in _WHOLE and _size(config.get("groups")) == 1
        return sizes[1] * (places * seen if whole else 1)
    return max(sizes)


def _size(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 1
