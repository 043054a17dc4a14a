"""Some images of a source instead of all: drawn by a fixed seed, evenly over its classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from collector.images.base import ImageChunk, ImageSource, Shape, joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collector.images.values import ValueRange

_SEED = 98


class DrawnImages:
    """A source in another order: first the images drawn, then those that stand in for them.

    The first ``count`` positions are drawn evenly over the classes (images without a label count
    as one) and stand in the order of the source. The rest follow as they would have been drawn
    next, so that whoever wants ``count`` images gets them, still evenly, when files are skipped.

    Args:
        source: where to draw from.
        count: how many are wanted, at least 1.
    """

    def __init__(self, source: ImageSource, count: int) -> None:
        self._source = source
        self._order = drawn(source.labels, count)
        self.labels: NDArray[np.int64] = source.labels[self._order]
        self.targets: NDArray[np.float32] | None = (
            None if source.targets is None else source.targets[self._order]
        )
        self.target_names: tuple[str, ...] | None = source.target_names
        self.spec: str = source.spec
        self.description: str = source.description
        self.identity: str = source.identity
        self.class_names: tuple[str, ...] | None = source.class_names
        self.labelled: bool = source.labelled
        self.top_label: int = source.top_label
        self.native_shape: tuple[int, int] | None = source.native_shape
        self.value_range: ValueRange | None = source.value_range
        self.unrounded: bool = source.unrounded
        self.notices: tuple[str, ...] = source.notices

    def __len__(self) -> int:
        return len(self._order)

    def check(self, shape: Shape) -> None:
        """See ``ImageSource.check``."""
        self._source.check(shape)

    def read(self, start: int, stop: int, shape: Shape) -> ImageChunk:
        """See ``ImageSource.read``."""
        places = self._order[start:stop]
        if not len(places):
            return self._source.read(0, 0, shape)
        return joined([self._source.read(place, place + 1, shape) for place in places.tolist()])

    def name(self, position: int) -> str | None:
        """See ``ImageSource.name``."""
        return self._source.name(int(self._order[position]))

    def position_after(self, stored: int, name: str | None) -> int:
        """Return the position after the image of that name, which none before it can be."""
        if not stored or name is None:
            return min(stored, len(self))
        found = (at for at in range(stored - 1, len(self)) if self.name(at) == name)
        return next(found, min(stored, len(self)) - 1) + 1


def draw(source: ImageSource, count: int | None) -> ImageSource:
    """Return ``count`` images drawn from a source, or the source itself if it has no more."""
    return source if count is None or count >= len(source) else DrawnImages(source, count)


def drawn(labels: NDArray[np.int64], count: int) -> NDArray[np.intp]:
    """In which order to take images, so that the first ``count`` are even over the classes.

    Args:
        labels: (n,) integers, any number standing for a class.
        count: how many are wanted.

    Returns:
        (n,) every position once: ``count`` of them in rising order, then the others as drawn. No
        class has two more of the first than another one that has any left.
    """
    # The only generator of NumPy whose numbers never change: a run may be resumed years later.
    generator = np.random.RandomState(_SEED)
    shuffled = generator.permutation(len(labels))
    by_class = np.argsort(labels[shuffled], kind="stable")
    classes = labels[shuffled][by_class]
    begins = np.flatnonzero(np.r_[True, classes[1:] != classes[:-1]])
    within = np.arange(len(labels)) - np.repeat(begins, np.diff(np.r_[begins, len(labels)]))
    # Round by round one of each class that has any left; in a round by chance.
    order = shuffled[by_class[np.lexsort((generator.random_sample(len(labels)), within))]]
    return np.concatenate([np.sort(order[:count]), order[count:]])
