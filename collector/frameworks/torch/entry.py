"""PyTorch modules as models of one of the frameworks."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collector.errors import ModelError
from collector.frameworks.protocol import SWITCH_SECONDS, Framework
from reactcnn_dash.imports import to_stay

if TYPE_CHECKING:
    from collector.frameworks.protocol import Asked, Network

_FACTORY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_FILES = (".pt", ".pth", ".pt2", ".safetensors")


def reads(model: str) -> bool:
    """Return whether it is ``package.module:factory``, or named as files of PyTorch are."""
    return bool(_FACTORY.fullmatch(model)) or model.lower().endswith(_FILES)


def check(model: str) -> None:
    """Refuse what is not there, or cannot be run here.

    Raises:
        ModelError: saying what is wrong with ``model``.
    """
    if not _FACTORY.fullmatch(model) and not Path(model).expanduser().is_file():
        raise ModelError(f"there is no file {model}.")
    if not find_spec("torch"):
        raise ModelError(f"{model} is of PyTorch: pip install 'reactcnn[torch]' to collect it.")


def start() -> None:
    """Import torch, and let its threads have the interpreter quickly."""
    with to_stay():
        import torch  # noqa: F401, PLC0415 - only where it is needed

    sys.setswitchinterval(SWITCH_SECONDS)


def load(model: str, asked: Asked) -> Network:
    """Load a model and find out how it is fed and read, and what there is to watch.

    Raises:
        ModelError: it cannot be loaded or watched.
    """
    with to_stay():
        from collector.frameworks.torch.loading import load_module  # noqa: PLC0415 - imports torch
        from collector.frameworks.torch.network import understand  # noqa: PLC0415

    module = load_module(model, asked.weights, trusted=asked.trusted)
    factory = bool(_FACTORY.fullmatch(model))
    return understand(
        module,
        asked,
        source=model if factory else str(Path(model).expanduser().resolve()),
        kept={} if asked.weights is None else {"weights": asked.weights},
    )


TORCH: Final = Framework(
    name="PyTorch",
    reads=reads,
    check=check,
    start=start,
    load=load,
    bfloat16=True,
    takes_weights=True,
)
