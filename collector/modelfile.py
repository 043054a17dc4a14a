"""Whether a path can be a Keras model, told without importing Keras."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from collector import lookalikes
from collector.errors import ModelError
from collector.vgg16 import CHECKPOINTS


def check_model(spec: str) -> None:
    """Refuse what is neither the packaged network nor a ``.keras`` file.

    Raises:
        ModelError: saying what is wrong with ``spec``.
    """
    if spec not in CHECKPOINTS:
        checked_model_file(spec)


def checked_model_file(spec: str) -> Path:
    """The path of a ``.keras`` file, judged by its content and its name.

    Raises:
        ModelError: there is no such file, or it is something else.
    """
    path = Path(spec).expanduser()
    try:
        if path.is_dir() or not _is_keras_archive(path):
            raise ModelError(f"{spec} {lookalikes.explain(path)}")
    except FileNotFoundError as error:
        packaged = " or ".join(CHECKPOINTS)
        raise ModelError(
            f"no model {spec!r}: give {packaged}, or the path of a .keras file."
        ) from error
    except OSError as error:
        raise ModelError(f"cannot read {spec}: {error.strerror}.") from error
    if path.suffix != ".keras":
        raise ModelError(f"{spec} is a Keras model, but its name must end in .keras; rename it.")
    return path


def keras_version(path: Path) -> str | None:
    """The version of the Keras that wrote a ``.keras`` file; ``None`` if it does not say."""
    try:
        with zipfile.ZipFile(path) as archive:
            said = json.loads(archive.read("metadata.json"))["keras_version"]
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, TypeError):
        return None
    return said if isinstance(said, str) else None


def _is_keras_archive(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "config.json" in archive.namelist()
    except zipfile.BadZipFile:
        return False
