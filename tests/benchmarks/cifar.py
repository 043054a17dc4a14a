"""The packaged network and CIFAR-10 test images for the benchmarks of what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.frameworks.keras.capture import Capture
from collector.frameworks.keras.models import load_model
from collector.frameworks.keras.network import Network, understand
from collector.images import open_images
from reactcnn_dash.analysis import SAMPLE, Profile, fit_profile

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """The packaged VGG-16, test images of CIFAR-10, and the profile of the first of them.

    Attributes:
        network: the network.
        pixels: (8000, 32, 32, 3) uint8.
        capture: the network compiled.
        profile: made of the first :data:`~reactcnn_dash.analysis.SAMPLE` images.
    """

    network: Network
    pixels: NDArray[np.uint8]
    capture: Capture
    profile: Profile

    def split(self, gap: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """GAP rows of all filters, by layer."""
        edges = np.cumsum([tap.filters for tap in self.network.taps])[:-1]
        return np.split(gap, edges, axis=1)


@cache
def prepare(images: str) -> Subject:
    """Load everything, once.

    Args:
        images: what ``--images`` takes; its first 8,000 are used.
    """
    pixels = open_images(images).read(0, 8_000, (32, 32, 3)).pixels
    network = understand(load_model("vgg16-cifar10"), (32, 32))
    capture = Capture(network, maps=False, batch_size=BATCH)
    capture.warm_up(pixels[:BATCH])
    gap, _ = run_through(capture, pixels[:SAMPLE])
    edges = np.cumsum([tap.filters for tap in network.taps])[:-1]
    return Subject(network, pixels, capture, fit_profile(np.split(gap, edges, axis=1)))


def run_through(
    capture: Capture, pixels: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """GAP rows and probabilities of some images."""
    found: list[Any] = [
        capture(pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH)
    ]
    return (
        np.concatenate([one.gap for one in found]),
        np.concatenate([one.probabilities for one in found]),
    )
