"""Bring up TensorFlow and Keras quietly, once the command line is known to be right."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from collector.frameworks.protocol import SWITCH_SECONDS
from reactcnn_dash.imports import to_stay, without

if TYPE_CHECKING:
    from collections.abc import Iterator

_BESIDES = ("IPython", "pandas", "sklearn")
"""What Keras imports where it is there, for wrappers and tables that nothing here comes by.

Two fifths of the time until Keras stands went there.
"""


def start_tensorflow() -> None:
    """Import Keras with TensorFlow behind it, without their messages, and with Keras' defaults.

    A ``keras.json`` of the user must not change what the packaged network is.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow leaves oneDNN out on processors without AVX-512; with constant weights it is the
    # faster one there too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with _native_silence(), without(*_BESIDES), to_stay():
        import keras  # noqa: PLC0415 - takes seconds, and only now is it needed

    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    sys.setswitchinterval(SWITCH_SECONDS)


@contextmanager
def _native_silence() -> Iterator[None]:
    """Drop what native code writes to file descriptor 2; it has no other switch this early."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)
