"""ONNX files as models of one of the frameworks."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collector.errors import ModelError
from collector.frameworks.protocol import SWITCH_SECONDS, Framework
from reactcnn_dash.imports import to_stay

if TYPE_CHECKING:
    from collector.frameworks.protocol import Asked, Network

_MOST_BYTES = 2**31 - 1
"""What a protocol buffer can hold."""


def reads(model: str) -> bool:
    """Return whether it is named as ONNX files are."""
    return model.lower().endswith(".onnx")


def check(model: str) -> None:
    """Refuse what is no file, too large a one, or cannot be read here.

    Raises:
        ModelError: saying what is wrong with ``model``.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        raise ModelError(f"{model} is a folder; name the .onnx file in it.")
    if path.exists() and not path.is_file():
        # To open a pipe is to wait for ever.
        raise ModelError(f"{model} is a pipe or a device, not a model; name a file.")
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise ModelError(f"there is no file {model}.") from error
    except OSError as error:
        raise ModelError(f"cannot read {model}: {error.strerror}.") from error
    if size > _MOST_BYTES:
        raise ModelError(f"{model} has {size:,} bytes; an ONNX file has 2 GiB at most.")
    if not (find_spec("onnx") and find_spec("onnxruntime")):
        raise ModelError(f"{model} is an ONNX model: pip install 'reactcnn[onnx]' to collect it.")


def start() -> None:
    """Import onnxruntime, and let its threads have the interpreter quickly."""
    with to_stay():
        import onnxruntime  # noqa: PLC0415 - only where it is needed

    # It warns of what it optimises and of models that are newer than it; neither is the user's.
    onnxruntime.set_default_logger_severity(3)
    sys.setswitchinterval(SWITCH_SECONDS)


def load(model: str, asked: Asked) -> Network:
    """Load a model and find out how it is fed and read, and what there is to watch.

    Raises:
        ModelError: it cannot be loaded or watched.
    """
    with to_stay():
        from collector.frameworks.onnx.network import understand  # noqa: PLC0415 - imports onnx

    return understand(model, asked)


ONNX: Final = Framework(name="ONNX", reads=reads, check=check, start=start, load=load)
