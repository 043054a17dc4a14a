"""What is usual for a run: how each layer's filters follow the layer before and one another.

A profile is made of a sample of a run's GAP rows and answers, for other rows, what is new in each
layer: what neither the layer before nor the layer's other filters explain. Correlated filters are
so counted once, and a layer is not blamed for what reached it already broken.

Per layer, with u the relative roots of its GAP values, standardised, and u′ those of the layer
before:

* residual r = u − u′ B, B by ridge regression (nothing for the first layer);
* precision P = Σ⁻¹ of the residuals' shrunk covariance (Ledoit & Wolf 2004);
* distance d² = rᵀ P r (Mahalanobis 1936);
* unexplained part of one filter e_i = (P r)_i / √P_ii: the residual of filter i given all others,
  (P r)_i / P_ii, in units of its conditional standard deviation 1 / √P_ii (Lauritzen 1996,
  "Graphical models", section 5.1).

One half of the rows is fitted, the other calibrates: what is fitted looks closer than it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reactcnn_dash.analysis.shrinkage import ledoit_wolf
from reactcnn_dash.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Matrix = npt.NDArray[np.float64]

MINIMUM_ROWS = 64
"""Usable rows below which there is no profile."""

# A filter that (nearly) never varies is measured in at least this share of its layer's spread.
_LEAST_SCALE = 0.1


class TooFewRows(UserError, ValueError):
    """There are not enough images for a profile; the text says how many are needed."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        """How many usable rows there were."""
        super().__init__(
            f"A profile needs at least {MINIMUM_ROWS} images with finite values; there are {rows}."
        )

    def __reduce__(self) -> tuple[type[TooFewRows], tuple[int]]:
        # It crosses from the process that computes: made anew from its number, not from its text.
        return TooFewRows, (self.rows,)


@dataclass(frozen=True, slots=True, eq=False)
class Surprise:
    """What is new in one layer on B images; F filters.

    Attributes:
        distance: (B,) float64, d², the squared Mahalanobis distance of the residuals.
        unexplained: (B, F) float64, e, signed; about ±1 for a usual image.
    """

    distance: Matrix
    unexplained: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class LayerProfile:
    """What is usual for one layer of F filters after one of F′ (0 for the first layer).

    Attributes:
        center: (F,) float64, mean of the relative roots.
        scale: (F,) float64, their standard deviation, kept off 0.
        coefficients: (F′, F) float64, B.
        precision: (F, F) float64, P.
        shrinkage: Ledoit and Wolf's ρ for it.
        distances: (C,) float64, ascending: d² of the C calibration rows.
        mean: (F,) float64, mean of e over them.
        spread: (F,) float64, standard deviation of e over them, kept off 0.
        size: (F,) float64, mean of |e − mean| / spread over them.
        size_spread: (F,) float64, standard deviation of that.
    """

    center: Matrix
    scale: Matrix
    coefficients: Matrix
    precision: Matrix
    shrinkage: float
    distances: Matrix
    mean: Matrix
    spread: Matrix
    size: Matrix
    size_spread: Matrix

    def standardised(self, rows: npt.ArrayLike) -> Matrix:
        """Standardised relative roots, (B, F), of GAP rows of this layer."""
        return np.asarray((relative_root(rows) - self.center) / self.scale)

    def surprise(self, own: Matrix, before: Matrix | None) -> Surprise:
        """Return what is new in this layer.

        Args:
            own: (B, F) standardised rows of this layer.
            before: (B, F′) standardised rows of the layer before; None for the first layer.
        """
        residual = own if before is None else own - before @ self.coefficients
        weighted = residual @ self.precision
        return Surprise(
            distance=np.einsum("ij,ij->i", weighted, residual),
            unexplained=weighted / np.sqrt(np.diagonal(self.precision)),
        )

    def strangeness(self, distance: Matrix) -> Matrix:
        """Distances on a scale that all layers share.

        (ln d² − mean) / standard deviation, both over the calibration rows: d² of real networks
        is far from χ², but its logarithm is close to normal.
        """
        usual = np.log(self.distances)
        spread = float(usual.std()) or 1.0
        # Closer than any usual image is not worth a number that runs away.
        logarithm = np.log(np.maximum(distance, self.distances[0] / 2))
        return np.asarray((logarithm - usual.mean()) / spread)

    def tail(self, distance: Matrix) -> Matrix:
        """Share of usual images that are at least as far off, in (0, 1].

        The conformal p-value (1 + #{calibration ≥ d²}) / (C + 1): Vovk, Gammerman & Shafer (2005),
        "Algorithmic learning in a random world", section 2.2.
        """
        below = np.searchsorted(self.distances, distance, side="left")
        return np.asarray((1.0 + len(self.distances) - below) / (len(self.distances) + 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What is usual for a run.

    Attributes:
        fitted: rows that were fitted.
        layers: one a layer, in the order in which they are computed.
        scores: (C,) float64, ascending: the image scores of the C calibration rows.
    """

    fitted: int
    layers: tuple[LayerProfile, ...]
    scores: Matrix

    @property
    def calibrated(self) -> int:
        """Rows that calibrate, C."""
        return len(self.scores)

    def surprises(self, layers: Sequence[npt.ArrayLike]) -> Iterator[Surprise]:
        """Yield what is new in each layer, one layer at a time.

        Args:
            layers: (B, F) finite GAP rows of each layer.

        Raises:
            ValueError: not this profile's layers.
        """
        wanted = [len(layer.center) for layer in self.layers]
        given = [np.shape(rows)[-1] for rows in layers]
        if wanted != given:
            raise ValueError(f"The profile is of layers of {wanted} filters, not of {given}.")
        before = None
        for profile, rows in zip(self.layers, layers, strict=True):
            own = profile.standardised(rows)
            yield profile.surprise(own, before)
            before = own


def relative_root(rows: npt.ArrayLike) -> Matrix:
    """Return the signed roots of GAP values, in units of their layer's root mean size on the image.

    sign(x) √|x| / √(mean of |x| over the layer). What an image's contrast does to all filters alike
    is so taken out, which would otherwise drown what is particular about it; the root makes the
    spread of a filter about the same for small and for large values, as for counts (Bartlett 1936).

    Args:
        rows: (B, F) of any real dtype.
    """
    values = np.asarray(rows, dtype=np.float64)
    root = np.copysign(np.sqrt(np.abs(values)), values)
    level = relative_level(values)
    return np.divide(root, level, out=np.zeros_like(root), where=level > 0.0)


def relative_level(rows: npt.ArrayLike) -> Matrix:
    """Return what the roots of a layer are relative to on each image, (B, 1).

    0 for a layer of zeros.
    """
    size = np.abs(np.asarray(rows, dtype=np.float64)).mean(axis=1, keepdims=True)
    return np.asarray(np.sqrt(size))


def fit_profile(layers: Sequence[npt.ArrayLike], *, half: int = 0) -> Profile:
    """Learn what is usual.

    Args:
        layers: (n, F) GAP rows of each layer in the order in which they are computed, the same
            images in each, at least :data:`MINIMUM_ROWS` without a value that is not finite.
            Images with such a value in any layer are left out.
        half: 0 fits the even rows and calibrates on the odd ones, 1 the other way round.

    Raises:
        TooFewRows: fewer usable images.
        ValueError: layers of different numbers of images, or no layer.
    """
    values = _usable(layers)
    fitted, calibrating = (slice(half, None, 2), slice(1 - half, None, 2))
    profiles = []
    before = None
    strangeness = []
    for rows in values:
        profile, own, distance = _fit_layer(rows, before, fitted, calibrating)
        profiles.append(profile)
        strangeness.append(profile.strangeness(distance))
        before = own
    scores = image_score(np.stack(strangeness, axis=1))
    return Profile(fitted=len(values[0][fitted]), layers=tuple(profiles), scores=np.sort(scores))


def image_score(strangeness: Matrix) -> Matrix:
    """Return one number an image, (B,), of the strangeness (B, L) of its layers.

    ln of the mean of exp over the layers, a soft maximum: one layer that is far off is enough, and
    many that are somewhat off count too.
    """
    highest = strangeness.max(axis=1)
    return np.asarray(highest + np.log(np.exp(strangeness - highest[:, None]).mean(axis=1)))


def _fit_layer(
    rows: npt.ArrayLike, before: Matrix | None, fitted: slice, calibrating: slice
) -> tuple[LayerProfile, Matrix, Matrix]:
    """Return the profile, the standardised rows, and the calibration rows' distances, in order."""
    root = relative_root(rows)
    center, deviation = root[fitted].mean(axis=0), root[fitted].std(axis=0)
    typical = float(np.sqrt(np.mean(deviation**2)))
    scale = np.maximum(deviation, _LEAST_SCALE * typical if typical > 0.0 else 1.0)
    own = (root - center) / scale
    if before is None:
        coefficients = np.zeros((0, own.shape[1]))
        residual = own[fitted]
    else:
        coefficients = _regression(before[fitted], own[fitted])
        residual = own[fitted] - before[fitted] @ coefficients
    precision, shrinkage = _precision(residual)
    empty = np.zeros(0)
    draft = LayerProfile(
        center, scale, coefficients, precision, shrinkage, empty, empty, empty, empty, empty
    )
    surprise = draft.surprise(own[calibrating], None if before is None else before[calibrating])
    mean, spread = surprise.unexplained.mean(axis=0), surprise.unexplained.std(axis=0)
    spread = np.maximum(spread, _LEAST_SCALE)
    size = np.abs(surprise.unexplained - mean) / spread
    profile = LayerProfile(
        center=center,
        scale=scale,
        coefficients=coefficients,
        precision=precision,
        shrinkage=shrinkage,
        distances=np.sort(np.maximum(surprise.distance, np.finfo(float).tiny)),
        mean=mean,
        spread=spread,
        size=size.mean(axis=0),
        size_spread=np.maximum(size.std(axis=0), _LEAST_SCALE),
    )
    return profile, own, surprise.distance


def _regression(before: Matrix, own: Matrix) -> Matrix:
    """Ridge regression, with Ledoit and Wolf's shrinkage of the layer before as its penalty."""
    from scipy.linalg import solve  # noqa: PLC0415 - slow to import

    covariance, _ = ledoit_wolf(before)
    _keep_regular(covariance)
    return np.asarray(solve(covariance, before.T @ own / len(own), assume_a="pos"))


def _precision(residual: Matrix) -> tuple[Matrix, float]:
    covariance, shrinkage = ledoit_wolf(residual - residual.mean(axis=0))
    _keep_regular(covariance)
    precision = np.linalg.inv(covariance)
    return (precision + precision.T) / 2.0, shrinkage


def _keep_regular(covariance: Matrix) -> None:
    """Return every direction a little variance: a layer may be constant on all rows."""
    size = float(np.mean(np.diagonal(covariance)))
    covariance[np.diag_indices(len(covariance))] += 1e-9 * size if size > 0.0 else 1.0


def _usable(layers: Sequence[npt.ArrayLike]) -> list[npt.NDArray[Any]]:
    # As they came: double precision for all layers at once would be twice the memory.
    values = [np.asarray(rows) for rows in layers]
    if not values or any(rows.ndim != 2 or len(rows) != len(values[0]) for rows in values):
        raise ValueError("Layers are matrices (images, filters) of the same images, at least one.")
    finite = np.logical_and.reduce([np.isfinite(rows).all(axis=1) for rows in values])
    if finite.sum() < MINIMUM_ROWS:
        raise TooFewRows(int(finite.sum()))
    return values if finite.all() else [rows[finite] for rows in values]
