"""Which layer of a network broke, and which of its filters: from the GAP rows of the broken run.

Two ways, by what there is to compare with:

* the good run on the **same images**: the first layer in which a filter's values differ;
* what is usual for the good run (its :class:`Profile`), with **other images**: the first layer in
  which a filter no longer follows from the layer before and from its neighbours as it did.

Everything behind a broken layer changes too, and often more. So layers are not ranked by how much
they changed: the first that changed for certain is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.profile import Profile
from reactcnn_dash.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Matrix = npt.NDArray[np.float64]

SAME = 1e-3
"""Root mean square difference, in standard deviations of the filter, that is no difference yet.

Single precision differs by 1e-5 between machines, batch sizes and folded normalisation."""
FALSE_ALARM = 0.01
"""Probability that a layer of a healthy run is named, other images being used."""


class NoFaultToFind(UserError, ValueError):
    """There are no images to find a fault by, or the runs do not fit; the text says which."""


@dataclass(frozen=True, slots=True, eq=False)
class FaultLocation:
    """Where a run departs from another; L layers.

    Attributes:
        images: images of the broken run behind it.
        limits: score of each layer above which a filter of it has changed for certain.
        scores: one (F,) float64 a layer: how far each filter changed; +inf where it gave a value
            that is not finite.
        ranking: the L positions of layers, the suspect first: those that changed for certain in
            the order of the network, then the others by their highest score.
    """

    images: int
    limits: tuple[float, ...]
    scores: tuple[Matrix, ...]
    ranking: tuple[int, ...]

    @property
    def first(self) -> int | None:
        """Position of the first layer that changed for certain; None if none did."""
        layer = self.ranking[0]
        return layer if self.changed(layer) else None

    def changed(self, layer: int) -> bool:
        """Return whether a filter of a layer changed for certain."""
        return bool(self.scores[layer].max() > self.limits[layer])

    def filters(self, layer: int, most: int = 5) -> tuple[tuple[int, float], ...]:
        """Return the filters of a layer that changed most, with their scores."""
        scores = self.scores[layer]
        return tuple((int(i), float(scores[i])) for i in np.argsort(-scores, kind="stable")[:most])


def locate_fault(
    broken: Sequence[npt.ArrayLike],
    reference: Profile | Sequence[npt.ArrayLike],
    rounding: Sequence[float] | None = None,
) -> FaultLocation:
    """Name the layer that broke.

    Args:
        broken: (m, F) GAP rows of each layer of the broken run, in the order in which the layers
            are computed.
        reference: the good run's profile, or its (m, F) rows of each layer for the same images in
            the same order.
        rounding: difference of each layer that is none yet, in standard deviations of the filter,
            where both saw the same images (default: :data:`SAME`).

    Raises:
        NoFaultToFind: there is no image, or the two have not the same layers or, where it matters,
            not the same number of images.
    """
    rows = [np.asarray(layer, dtype=np.float64) for layer in broken]
    if not rows or not len(rows[0]):
        raise NoFaultToFind("To find a fault takes at least one image of the broken run.")
    if isinstance(reference, Profile):
        scores, limit = _shifts(rows, reference)
        limits = [limit] * len(rows)
    else:
        good = [np.asarray(layer, dtype=np.float64) for layer in reference]
        if [layer.shape for layer in rows] != [layer.shape for layer in good]:
            raise NoFaultToFind("Both runs must have the same layers and the same images.")
        scores = [differences(*pair) for pair in zip(rows, good, strict=True)]
        limits = [SAME] * len(rows) if rounding is None else list(rounding)
    highest = [float(layer.max()) for layer in scores]
    ranking = sorted(
        range(len(scores)),
        key=lambda i: (0.0, i) if highest[i] > limits[i] else (1.0, -highest[i]),
    )
    return FaultLocation(len(rows[0]), tuple(limits), tuple(scores), tuple(ranking))


def differences(broken: npt.ArrayLike, good: npt.ArrayLike) -> Matrix:
    """Root mean square difference of each filter over the images, in its standard deviations.

    A filter that hardly varies counts as one of a hundredth of what is typical for its layer.

    Args:
        broken: (m, F) GAP rows of a layer.
        good: (m, F) those for the same images that they are set against; images of which they are
            not finite are left out.

    Returns:
        (F,), infinite where ``broken`` is not finite.
    """
    broken, good = (np.asarray(rows, dtype=np.float64) for rows in (broken, good))
    comparable = np.isfinite(good).all(axis=1)
    if not comparable.any():
        return np.zeros(good.shape[1])
    good, broken = good[comparable], broken[comparable]
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.sqrt(np.mean((broken - good) ** 2, axis=0))
    deviation = good.std(axis=0)
    typical = float(np.sqrt(np.mean(deviation**2))) or 1.0
    scores = difference / np.maximum(deviation, 1e-2 * typical)
    return np.where(np.isfinite(scores), scores, np.inf)


def _shifts(rows: Sequence[Matrix], profile: Profile) -> tuple[list[Matrix], float]:
    """Test each filter's unexplained part for a shift of its mean and of its size.

    Two z tests, the greater absolute value counts: mean of e, and mean of |e|, against those of the
    calibration rows, with standard errors s √(1/m + 1/C) for m images and C calibration rows. Means
    of absolute values tell a change of scale as squares do, without their heavy tails.

    The limit is the two-sided normal quantile for :data:`FALSE_ALARM` over all filters and both
    tests (Bonferroni).
    """
    from scipy.special import ndtri  # noqa: PLC0415 - slow to import

    tests = 2 * sum(len(layer.center) for layer in profile.layers)
    limit = float(-ndtri(FALSE_ALARM / 2 / tests))
    finite = [np.isfinite(layer) for layer in rows]
    # A filter that gives no number is named outright; in its place stands one that hurts nobody.
    safe = [np.where(ok, layer, 0.0) for ok, layer in zip(finite, rows, strict=True)]
    error = np.sqrt(1.0 / len(rows[0]) + 1.0 / profile.calibrated)
    scores = []
    for layer, surprise, ok in zip(profile.layers, profile.surprises(safe), finite, strict=True):
        z = (surprise.unexplained - layer.mean) / layer.spread
        mean = np.abs(z.mean(axis=0)) / error
        size = np.abs(np.abs(z).mean(axis=0) - layer.size) / (layer.size_spread * error)
        scores.append(np.where(ok.all(axis=0), np.maximum(mean, size), np.inf))
    return scores, limit
