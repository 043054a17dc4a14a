"""The images of CIFAR-10 (Krizhevsky 2009), through Keras' loader and its cache."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.images.arrays import ArrayImages
from collector.images.base import ImageSourceError
from collector.packaged import CLASSES as CIFAR10_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from numpy.typing import NDArray

_TEST_BATCH = Path("datasets", "cifar-10-batches-py-target", "cifar-10-batches-py", "test_batch")
_SECONDS = 20.0
"""Longest wait for the network: Keras sets no limit, and a firewall can be silent for minutes."""


def open_cached_cifar10() -> ArrayImages | None:
    """CIFAR-10's test images from Keras' cache alone; ``None`` if they are not there, whole.

    Only the test batch is read, without Keras: its loader would hash the archive of 170 MB and
    read the 50,000 training images first.
    """
    for home in _keras_homes():
        try:
            with (home / _TEST_BATCH).open("rb") as file:
                batch = _ArrayUnpickler(file, encoding="bytes").load()
            pixels = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32)
            return _source(np.moveaxis(pixels, 1, -1), np.asarray(batch[b"labels"], np.int64))
        except (OSError, EOFError, ValueError, LookupError, TypeError, pickle.UnpicklingError):
            continue
    return None


def open_cifar10(progress: TextIO | None) -> ArrayImages:
    """CIFAR-10's 10,000 test images, from Keras' cache or downloaded into it (170 MB).

    Args:
        progress: Stream for Keras' download bar, ``None`` for none.

    Raises:
        ImageSourceError: They are not cached and cannot be downloaded.
    """
    return open_cached_cifar10() or _source(*_loaded(progress)[1])


def open_cifar10_training(progress: TextIO | None) -> ArrayImages:
    """CIFAR-10's 50,000 training images, likewise.

    Raises:
        ImageSourceError: They are not cached and cannot be downloaded.
    """
    return _source(*_loaded(progress)[0])


def _loaded(progress: TextIO | None) -> Sequence[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Images and labels, (n, 32, 32, 3) and (n,), to train with and to test with."""
    from keras.datasets import cifar10  # noqa: PLC0415 — seconds, and only needed to download

    try:
        with contextlib.redirect_stdout(progress or io.StringIO()), _patience(_SECONDS):
            parts = cifar10.load_data()
    except Exception as error:
        # Keras itself raises a bare Exception when it is offline.
        raise ImageSourceError(
            "CIFAR-10 is not in Keras' cache and cannot be downloaded "
            f"({' '.join(str(error).split())}); use --images sample, a folder of images or an "
            ".npz file."
        ) from error
    return [
        # keras.json may say channels_first.
        (pixels if pixels.shape[-1] == 3 else np.moveaxis(pixels, 1, -1), labels[:, 0].astype("i8"))
        for pixels, labels in parts
    ]


def _source(pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> ArrayImages:
    if len(labels) != len(pixels) or not len(labels):
        raise ValueError("a batch with as many labels as images is needed")
    if not 0 <= labels.min() <= labels.max() < len(CIFAR10_CLASSES):
        raise ValueError("labels out of range")
    return ArrayImages(
        np.ascontiguousarray(pixels),
        labels,
        CIFAR10_CLASSES,
        spec="cifar10",
        description="cifar10",
    )


def _keras_homes() -> tuple[Path, ...]:
    """Return where Keras keeps datasets: its home, and under /tmp when that cannot be written."""
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    return (home,) if os.access(home, os.W_OK) else (home, Path("/tmp/.keras"))


@contextlib.contextmanager
def _patience(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


class _ArrayUnpickler(pickle.Unpickler):
    """Opens pickled NumPy arrays and nothing else: a cache is no reason to run code."""

    _ALLOWED = frozenset(
        {
            ("numpy", "dtype"),
            ("numpy", "ndarray"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
        }
    )

    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is not allowed")
        # NumPy 2 keeps the old path only as a deprecated alias.
        return super().find_class(module_name.replace("numpy.core", "numpy._core"), global_name)
