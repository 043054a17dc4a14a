"""Whether a path can be a Keras model, told without importing Keras."""

from __future__ import annotations

import zipfile
from pathlib import Path

from collector.errors import ModelError
from collector.vgg16 import CHECKPOINTS

_HDF5 = b"\x89HDF\r\n\x1a\n"
_CONVERT = (
    "convert it: open it in the Keras that wrote it and save it with model.save('model.keras')."
)


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
    if path.is_dir():
        raise ModelError(f"{spec} is a folder, not a .keras file; {_CONVERT}")
    try:
        with path.open("rb") as file:
            head = file.read(len(_HDF5))
    except FileNotFoundError as error:
        packaged = " or ".join(CHECKPOINTS)
        raise ModelError(
            f"no model {spec!r}: give {packaged}, or the path of a .keras file."
        ) from error
    except OSError as error:
        raise ModelError(f"cannot read {spec}: {error.strerror}.") from error
    if head == _HDF5:
        raise ModelError(f"{spec} is a legacy HDF5 (.h5) model; {_CONVERT}")
    if not _is_keras_archive(path):
        raise ModelError(f"{spec} is not a Keras model; save yours with model.save('model.keras').")
    if path.suffix != ".keras":
        raise ModelError(f"{spec} is a Keras model, but its name must end in .keras; rename it.")
    return path


def _is_keras_archive(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "config.json" in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False
