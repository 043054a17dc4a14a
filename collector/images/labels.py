"""Bring a source's labels to the classes of a model, so that right and wrong mean something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from collector.images.base import NO_LABEL, ImageSource, ImageSourceError
from collector.images.classes import few, order_notice, plain_name
from collector.images.labelling import are_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class LabelFit:
    """How a source's labels become a model's classes.

    Attributes:
        classes: (source's classes,) int64, the model's class of each; ``None`` leaves labels as
            they are, an empty array drops them.
        notice: One line for the user when labels are dropped or could be meant otherwise.
        columns: (K,) int64, which of the source's targets is due of each of the model's outputs;
            ``None`` for a model that names classes, and where none are known.
    """

    classes: NDArray[np.int64] | None = None
    notice: str | None = None
    columns: NDArray[np.int64] | None = None

    @classmethod
    def dropped(cls, notice: str) -> LabelFit:
        """Drop all labels, and say so."""
        return cls(np.empty(0, np.int64), notice)

    def targets(self, found: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        """Return (n, K) float32 targets in the order of the model's outputs."""
        return None if found is None or self.columns is None else found[:, self.columns]

    def apply(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Translate (n,) int64 labels; ``NO_LABEL`` stays ``NO_LABEL``."""
        if self.classes is None:
            return labels
        if not len(self.classes):
            return np.full_like(labels, NO_LABEL)
        return np.where(labels == NO_LABEL, NO_LABEL, self.classes[labels])


def fit_labels(
    source: ImageSource, outputs: int, class_names: Sequence[str] | None = None
) -> LabelFit:
    """Decide how the labels of ``source`` fit a model.

    Names are matched when both sides have them (case, spaces, hyphens and underscores do not
    count). When the source's names match none of the model's, its labels mean something else
    (folders by year, say): they are dropped, with a notice. Where one side has no names, labels
    are taken by number; named classes in another number than the model's outputs cannot be told
    apart by their number, and are dropped with a notice as well.

    Args:
        source: Where the images come from.
        outputs: Number of the model's classes.
        class_names: The model's class names, ``None`` when it has none.

    Raises:
        ImageSourceError: A label lies outside of the model's classes, or only some of the class
            names are the model's.
    """
    if not source.labelled:
        if source.targets is not None:
            what = "several labels" if are_sets(source.targets) else "values that are due"
            raise ImageSourceError(
                f"{source.description}: the images have {what}, but the model's outputs are taken "
                "for classes; say --head sigmoid if each is a label by itself, --head regression "
                "if they are values, or leave them out."
            )
        return LabelFit()
    if source.class_names is not None and class_names is not None:
        return _by_name(source, source.class_names, class_names)
    if source.top_label >= outputs:
        raise ImageSourceError(
            f"{source.description}: labels go up to {source.top_label}, but the model has "
            f"{outputs} outputs (labels 0–{outputs - 1}); leave the labels out or correct them."
        )
    if source.class_names is not None and len(source.class_names) != outputs:
        return LabelFit.dropped(
            f"{source.description}: {len(source.class_names)} classes ({few(source.class_names)}) "
            f"for a model with {outputs} outputs, so the images are taken without labels; "
            "--classes FILE names the model's classes."
        )
    return LabelFit(notice=order_notice(source.class_names or ()))


def fit_targets(
    source: ImageSource, outputs: int, names: Sequence[str] | None, *, sets: bool
) -> LabelFit:
    """Decide how the targets of ``source`` fit a model that answers with labels or values.

    Names are matched when both sides have them, as with classes; otherwise the order counts.

    Args:
        source: Where the images come from; it has targets.
        outputs: Number of the model's outputs.
        names: Their names, ``None`` when they have none.
        sets: Whether the outputs are labels, each of which is right or not.

    Raises:
        ImageSourceError: There are not as many targets as outputs, or with other names.
    """
    assert source.targets is not None
    if sets and not are_sets(source.targets):
        return LabelFit.dropped(
            f"{source.description}: its targets are left out, since the model answers with labels, "
            "of which each is right (1), not (0) or not known (-1 or NaN)."
        )
    count = source.targets.shape[1]
    if count != outputs:
        raise ImageSourceError(
            f"{source.description}: {count} targets an image for a model with {outputs} outputs; "
            "one for each is needed."
        )
    columns = np.arange(outputs)
    known = source.target_names
    if known is not None and names is not None and len(known) == outputs:
        place = {plain_name(name): index for index, name in enumerate(known)}
        unknown = [name for name in names if plain_name(name) not in place]
        if unknown:
            raise ImageSourceError(
                f"{source.description}: {few(unknown)} is not among its targets "
                f"({few(known, len(known))}); name both alike, or leave one of the names out."
            )
        columns = np.array([place[plain_name(name)] for name in names], np.int64)
    return LabelFit(np.empty(0, np.int64), columns=columns)


def _by_name(source: ImageSource, ours: Sequence[str], theirs: Sequence[str]) -> LabelFit:
    position = {plain_name(name): index for index, name in enumerate(theirs)}
    unknown = [name for name in ours if plain_name(name) not in position]
    if not unknown:
        return LabelFit(np.array([position[plain_name(name)] for name in ours], np.int64))
    if len(unknown) == len(ours):
        return LabelFit.dropped(
            f"{source.description}: none of its {len(ours)} classes ({few(ours)}) is one of the "
            f"model's ({few(theirs)}), so the images are taken without labels."
        )
    raise ImageSourceError(
        f"{source.description}: {few(unknown)} is not among the model's classes "
        f"({few(theirs, len(theirs))}); rename or remove it."
    )
