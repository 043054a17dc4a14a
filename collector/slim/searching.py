"""How far a network can be slimmed before it loses more than so many points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from collector.slim.executing import whole_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from collector.images import LabelFit
    from collector.slim.feeding import Feed
    from collector.slim.slimmed import Slimmed
    from collector.slim.slimming import Cut, Slimming

PROBES = 6
"""Networks that are made and measured on the way to the one that is kept."""

_NARROWEST = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What is known of some images: labels where there are any, and the whole network's answers.

    Attributes:
        feed: the images.
        labels: (n,) int64, -1 for none.
        answers: (n,) int64, the classes that the whole network gives them.
    """

    feed: Feed
    labels: NDArray[np.int64]
    answers: NDArray[np.int64]

    def loss(self, slimmed: Slimmed) -> float:
        """Points that a slimmed network loses.

        Of accuracy where images have labels; otherwise the share of images whose class changes,
        which no loss of accuracy exceeds.
        """
        found = classes(self.feed, slimmed.substitutes())
        labelled = self.labels >= 0
        if labelled.any():
            truth = self.labels[labelled]
            right = (self.answers[labelled] == truth).mean()
            return float(100.0 * (right - (found[labelled] == truth).mean()))
        return float(100.0 * (found != self.answers).mean())


def judge(feed: Feed, fit: LabelFit) -> Judged:
    """Let the whole network answer, and read the labels."""
    labels = np.concatenate([fit.apply(labels) for _, labels in feed.labelled()])
    return Judged(feed, labels, classes(feed, None))


def classes(feed: Feed, substitutes: dict[int, Callable[[Any], Any]] | None) -> NDArray[np.int64]:
    """Return the class of each image, (n,) int64.

    Of one output alone, whether it is above its middle.
    """
    graph = feed.network.graph
    found = []
    for value in feed:
        rows = keras.ops.convert_to_numpy(whole_output(graph, value, substitutes))
        if rows.shape[1] > 1:
            found.append(rows.argmax(axis=1))
        else:
            middle = 0.5 if feed.network.reading.value == "one probability" else 0.0
            found.append((rows[:, 0] > middle).astype(np.int64))
    return np.concatenate(found).astype(np.int64)


def search(slimming: Slimming, judged: Judged, most: float, method: str, seed: int) -> Cut | None:
    """Return the slimmest network that loses at most so many points, by bisection of the share.

    Args:
        slimming: the network, measured.
        judged: the images that decide; what is lost on others may be a little more.
        most: points that may be lost.
        method: how filters are chosen.
        seed: settles what chance chooses.

    Returns:
        ``None`` if every network that was tried loses more.
    """
    path = slimming.choice.path
    span = path.cost[0] - path.cost[-1]
    low, high = max(_NARROWEST, float(path.cost[-1] / path.cost[0])), 1.0
    best = None
    for _ in range(PROBES if span > 0 else 0):
        middle = (low + high) / 2
        cut = slimming.cut(
            slimming.chosen(method, path.steps_to(middle * float(path.cost[0])), seed)
        )
        if judged.loss(cut.slimmed) <= most:
            best, high = cut, middle
        else:
            low = middle
    return best
