"""Does the image score tell corrupted images from clean ones, and better than the softmax does?

    python -m tests.benchmarks --only corruptions

Eight corruptions at three strengths, chosen by what a person would call weak, clear and heavy, once
and before anything was measured. The profile is made of 4,096 test images of CIFAR-10; scored are
others. Neither was trained on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score

from reactcnn_dash.analysis import oddness, score_threshold
from tests.benchmarks.cifar import Subject, run_through
from tests.benchmarks.table import Result, at_least

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Pixels = NDArray[np.float64]

IMAGES = 500
CLEAN = 2_000
FIRST = 6_000
RATE = 0.05


def noise(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Gaussian noise of 5, 10 and 20 % of the range."""
    return pixels + rng.normal(0.0, (12.75, 25.5, 51.0)[strength], pixels.shape)


def blur(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Gaussian blur of 0.75, 1.5 and 3 pixels."""
    sigma = (0.75, 1.5, 3.0)[strength]
    return np.asarray(gaussian_filter(pixels, (0, sigma, sigma, 0), mode="nearest"))


def contrast(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """A half, a quarter and a tenth of the contrast, around the image's mean."""
    mean = pixels.mean(axis=(1, 2, 3), keepdims=True)
    return np.asarray(mean + (pixels - mean) * (0.5, 0.25, 0.1)[strength])


def occlusion(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """A black square of a quarter, a half and three quarters of the image's side."""
    side = (8, 16, 24)[strength]
    result = pixels.copy()
    for image in result:
        row, column = rng.integers(0, 33 - side, 2)
        image[row : row + side, column : column + side] = 0.0
    return result


def colour_swap(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Red and blue exchanged by a third, by two thirds and wholly."""
    return pixels + (pixels[..., ::-1] - pixels) * (1 / 3, 2 / 3, 1.0)[strength]


def pixelation(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Blocks of 2, 4 and 8 pixels."""
    block = (2, 4, 8)[strength]
    count = 32 // block
    means = pixels.reshape(-1, count, block, count, block, 3).mean(axis=(2, 4))
    return np.asarray(means.repeat(block, axis=1).repeat(block, axis=2))


def inverted(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Values from 192 on (solarised), from 128 on, and all of them inverted."""
    return np.where(pixels >= (192, 128, 0)[strength], 255.0 - pixels, pixels)


def wrong_range(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Seven bits, five bits, and 0–1 instead of 0–255."""
    return pixels * ((127, 31, 1)[strength] / 255)


CORRUPTIONS: tuple[Callable[[Pixels, int, np.random.Generator], Pixels], ...] = (
    noise,
    blur,
    contrast,
    occlusion,
    colour_swap,
    pixelation,
    inverted,
    wrong_range,
)


def run(subject: Subject, report: Callable[[str], None]) -> list[Result]:
    """Score every corruption; the table goes to ``report``."""
    clean = _scores(subject, subject.pixels[FIRST : FIRST + CLEAN])
    threshold = score_threshold(subject.profile.scores, RATE)
    alarms = float(np.mean(clean[0] > threshold))
    report(f"threshold for {RATE:.0%} false alarms: {alarms:.1%} of {CLEAN:,} clean images above")
    pixels = subject.pixels[FIRST : FIRST + IMAGES].astype(np.float64)
    table = np.zeros((len(CORRUPTIONS), 3, 2))
    report("corruption | score, AUROC at strengths 1, 2, 3 | 1 − max softmax | found at 1, 2, 3")
    for index, corruption in enumerate(CORRUPTIONS):
        found = []
        for strength in range(3):
            rng = np.random.default_rng([10, index, strength])
            changed = np.rint(np.clip(corruption(pixels, strength, rng), 0, 255)).astype(np.uint8)
            scores = _scores(subject, changed)
            truth = np.repeat([0, 1], [CLEAN, IMAGES])
            table[index, strength] = [
                roc_auc_score(truth, np.concatenate(pair))
                for pair in zip(clean, scores, strict=True)
            ]
            found.append(f"{np.mean(scores[0] > threshold):.0%}")
        ours, theirs = (" ".join(f"{v:.3f}" for v in table[index, :, i]) for i in (0, 1))
        report(f"{corruption.__name__} | {ours} | {theirs} | {' '.join(found)}")
    strong = table[:, 1:]
    ahead = int(np.sum(strong[..., 0] > strong[..., 1]))
    means = strong.mean(axis=1)
    report(f"better over both strengths: {np.sum(means[:, 0] > means[:, 1])} of {len(means)}")
    report(f"mean at strengths 2 and 3: {strong[..., 0].mean():.3f} | {strong[..., 1].mean():.3f}")
    return [
        at_least("corrupted images told apart, mean AUROC", float(strong[..., 0].mean()), 0.95, ""),
        at_least("corruptions × strengths better than the softmax", ahead, strong[..., 0].size, ""),
    ]


def _scores(
    subject: Subject, pixels: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The image score, and 1 − the largest softmax probability."""
    gap, probabilities = run_through(subject.capture, pixels)
    score = oddness(subject.profile, subject.split(gap)).score
    return score, 1.0 - probabilities.max(axis=1).astype(np.float64)
