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

A profile for scores alone is computed in single precision where its rows are; what is inverted is
so in double. Scores differ by some 1e-5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reactcnn_dash.analysis.shrinkage import ledoit_wolf, ledoit_wolf_of_few
from reactcnn_dash.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor

    import numpy.typing as npt

    Matrix = npt.NDArray[np.float64]
    Rows = npt.NDArray[np.floating]
    """(n, F) rows of one layer, in single or double precision."""

MINIMUM_ROWS = 64
"""Usable rows below which there is no profile."""

# A filter that (nearly) never varies is measured in at least this share of its layer's spread.
_LEAST_SCALE = 0.1
# Share of the mean variance that every direction is given: a layer may be constant on all rows.
_LEAST_VARIANCE = 1e-9
# Images a filter up to which products of images are inverted instead of those of filters.
_FEW = 0.5
# Shrinkage below which that would lose digits.
_LEAST_SHRINKAGE = 1e-3


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

    Where it was fitted for scores alone, its matrices may be float32, and what it knows of e is
    empty.

    Attributes:
        center: (F,) float64, mean of the relative roots.
        scale: (F,) float64, their standard deviation, kept off 0.
        coefficients: (F′, F), B.
        precision: (F, F), P.
        shrinkage: Ledoit and Wolf's ρ for it.
        distances: (C,) float64, ascending: d² of the C calibration rows.
        mean: (F,) float64, mean of e over them.
        spread: (F,) float64, standard deviation of e over them, kept off 0.
        size: (F,) float64, mean of |e − mean| / spread over them.
        size_spread: (F,) float64, standard deviation of that.
    """

    center: Matrix
    scale: Matrix
    coefficients: Rows
    precision: Rows
    shrinkage: float
    distances: Matrix
    mean: Matrix
    spread: Matrix
    size: Matrix
    size_spread: Matrix

    def standardised(self, rows: npt.ArrayLike) -> Rows:
        """Standardised relative roots, (B, F), of GAP rows of this layer."""
        return _standardised(relative_root(rows), self.center, self.scale)

    def surprise(self, own: Rows, before: Rows | None) -> Surprise:
        """Return what is new in this layer.

        Args:
            own: (B, F) standardised rows of this layer.
            before: (B, F′) standardised rows of the layer before; None for the first layer.
        """
        weighted, distance = self._weighted(own, before)
        return Surprise(distance, weighted / np.sqrt(np.diagonal(self.precision)))

    def distance(self, own: Rows, before: Rows | None) -> Matrix:
        """Return the distances alone, (B,), see :meth:`surprise`."""
        return self._weighted(own, before)[1]

    def _weighted(self, own: Rows, before: Rows | None) -> tuple[Rows, Matrix]:
        """Return r P, and d²."""
        residual = own if before is None else own - before @ self.coefficients
        weighted = residual @ self.precision
        return weighted, np.einsum("ij,ij->i", weighted, residual).astype(np.float64)

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
        for profile, own, before in self._standardised(layers):
            yield profile.surprise(own, before)

    def distances(self, layers: Sequence[npt.ArrayLike]) -> Matrix:
        """Return the distance in each layer alone, (B, L); see :meth:`surprises`.

        Raises:
            ValueError: not this profile's layers.
        """
        found = [one.distance(own, before) for one, own, before in self._standardised(layers)]
        return np.stack(found, axis=1)

    def strangeness(self, distances: Matrix) -> Matrix:
        """Return :meth:`LayerProfile.strangeness` of (B, L) distances."""
        pairs = zip(self.layers, distances.T, strict=True)
        return np.stack([layer.strangeness(column) for layer, column in pairs], axis=1)

    def _standardised(
        self, layers: Sequence[npt.ArrayLike]
    ) -> Iterator[tuple[LayerProfile, Rows, Rows | None]]:
        wanted = [len(layer.center) for layer in self.layers]
        given = [np.shape(rows)[-1] for rows in layers]
        if wanted != given:
            raise ValueError(f"The profile is of layers of {wanted} filters, not of {given}.")
        before = None
        for profile, rows in zip(self.layers, layers, strict=True):
            own = profile.standardised(rows)
            yield profile, own, before
            before = own


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """What is usual for n rows, learnt twice.

    Attributes:
        profiles: one fitted to the usable rows at even places, and one to the others.
        scores: (n,) float64 scores of the rows, each by the profile that was not fitted to it
            (cross-fitting); +inf where a value is not finite.
    """

    profiles: tuple[Profile, Profile]
    scores: Matrix


def relative_root(rows: npt.ArrayLike) -> Rows:
    """Return the signed roots of GAP values, in units of their layer's root mean size on the image.

    sign(x) √|x| / √(mean of |x| over the layer). What an image's contrast does to all filters alike
    is so taken out, which would otherwise drown what is particular about it; the root makes the
    spread of a filter about the same for small and for large values, as for counts (Bartlett 1936).

    Args:
        rows: (B, F) of any real dtype; single precision stays what it is.
    """
    values = _floating(rows)
    root = np.abs(values)
    np.sqrt(root, out=root)
    level = relative_level(values)
    root /= np.where(level > 0.0, level, 1.0)
    return np.copysign(root, values, out=root)


def relative_level(rows: npt.ArrayLike) -> Rows:
    """Return what the roots of a layer are relative to on each image, (B, 1).

    0 for a layer of zeros.
    """
    return np.asarray(np.sqrt(np.abs(_floating(rows)).mean(axis=1, keepdims=True)))


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
    values, _ = _usable(layers)
    fit = _Fit(half, whole=True)
    for rows in values:
        fit.add(relative_root(np.asarray(rows, dtype=np.float64)))
    return fit.profile()


def fit_halves(
    layers: Sequence[npt.ArrayLike], *, whole: bool = True, pool: Executor | None = None
) -> Halves:
    """Learn what is usual twice, each time from one half, and score either half by the other.

    Args:
        layers: as for :func:`fit_profile`.
        whole: learn what :func:`suspects` and faults need too. Without it scores alone, sooner, and
            in single precision where the rows are.
        pool: has two processors for it, if there is one.

    Raises:
        TooFewRows: fewer usable images.
        ValueError: layers of different numbers of images, or no layer.
    """
    values, usable = _usable(layers)
    fits = _Fit(0, whole=whole), _Fit(1, whole=whole)
    both = map if pool is None else pool.map
    for rows in values:
        root = relative_root(np.asarray(rows, dtype=np.float64) if whole else rows)
        list(both(_Fit.add, fits, (root, root)))
    inner = np.empty(int(usable.sum()))
    for fit in fits:
        inner[fit.calibrating] = fit.scores()
    scores = np.full(len(usable), np.inf)
    scores[usable] = inner
    return Halves((fits[0].profile(), fits[1].profile()), scores)


def image_score(strangeness: Matrix) -> Matrix:
    """Return one number an image, (B,), of the strangeness (B, L) of its layers.

    ln of the mean of exp over the layers, a soft maximum: one layer that is far off is enough, and
    many that are somewhat off count too.
    """
    highest = strangeness.max(axis=1)
    return np.asarray(highest + np.log(np.exp(strangeness - highest[:, None]).mean(axis=1)))


class _Fit:
    """The fit of one half, layer by layer.

    Args:
        half: 0 fits the even rows and calibrates on the odd ones, 1 the other way round.
        whole: see :func:`fit_halves`.
    """

    def __init__(self, half: int, *, whole: bool) -> None:
        self._fitted = slice(half, None, 2)
        self.calibrating = slice(1 - half, None, 2)
        self._whole = whole
        self._layers: list[LayerProfile] = []
        self._strangeness: list[Matrix] = []
        self._before: Rows | None = None
        self._rows = 0

    def add(self, root: Rows) -> None:
        """Learn the next layer, from its relative roots."""
        profile, own, distance = self._layer(root, self._before)
        self._layers.append(profile)
        self._strangeness.append(profile.strangeness(distance))
        self._before = own
        self._rows = len(own[self._fitted])

    def scores(self) -> Matrix:
        """Return the image scores of the calibration rows, in their order."""
        return image_score(np.stack(self._strangeness, axis=1))

    def profile(self) -> Profile:
        """Return what was learnt."""
        return Profile(self._rows, tuple(self._layers), np.sort(self.scores()))

    def _layer(self, root: Rows, before: Rows | None) -> tuple[LayerProfile, Rows, Matrix]:
        """Return the profile, the standardised rows, and the calibration rows' distances."""
        center, scale = _center_and_scale(root[self._fitted])
        own = _standardised(root, center, scale)
        if before is None:
            coefficients = np.zeros((0, own.shape[1]), own.dtype)
            residual = own
        else:
            coefficients = self._regression(before, own)
            residual = own - before @ coefficients
        precision, shrinkage = _precision(residual[self._fitted])
        new = residual[self.calibrating]
        weighted = new @ precision
        distance = np.einsum("ij,ij->i", weighted, new).astype(np.float64)
        return (
            LayerProfile(
                center,
                scale,
                coefficients,
                precision,
                shrinkage,
                np.sort(np.maximum(distance, np.finfo(float).tiny)),
                *self._unexplained(weighted, precision),
            ),
            own,
            distance,
        )

    def _regression(self, before: Rows, own: Rows) -> Rows:
        """Ridge regression, with Ledoit and Wolf's shrinkage of the layer before as its penalty."""
        given, fitted = before[self._fitted], own[self._fitted]
        images = own.dtype.type(len(fitted))
        few = _few(given)
        if few is not None:
            return np.asarray(given.T @ _solved(few.regular(), fitted)) / images
        covariance = _regular(ledoit_wolf(given)[0])
        return _solved(covariance, (given.T @ fitted) / images)

    def _unexplained(self, weighted: Rows, precision: Rows) -> tuple[Matrix, ...]:
        """Return what a profile knows of e over the calibration rows."""
        if not self._whole:
            return (np.zeros(0),) * 4
        unexplained = (weighted / np.sqrt(np.diagonal(precision))).astype(np.float64)
        mean, spread = unexplained.mean(axis=0), unexplained.std(axis=0)
        spread = np.maximum(spread, _LEAST_SCALE)
        size = np.abs(unexplained - mean) / spread
        return mean, spread, size.mean(axis=0), np.maximum(size.std(axis=0), _LEAST_SCALE)


def _center_and_scale(root: Rows) -> tuple[Matrix, Matrix]:
    center = root.mean(axis=0, dtype=np.float64)
    centred = root - center.astype(root.dtype)
    variance = np.einsum("ij,ij->j", centred, centred).astype(np.float64) / len(root)
    typical = float(np.sqrt(np.mean(variance)))
    least = _LEAST_SCALE * typical if typical > 0.0 else 1.0
    return center, np.maximum(np.sqrt(variance), least)


def _standardised(root: Rows, center: Matrix, scale: Matrix) -> Rows:
    own = root - center.astype(root.dtype)
    own /= scale.astype(root.dtype)
    return own


def _solved(covariance: Matrix, products: Rows) -> Rows:
    """Return covariance⁻¹ products, in single precision where that is what the products have.

    Its error is small in what it predicts, however small it makes the least of its directions.
    """
    from scipy.linalg import lapack  # noqa: PLC0415 - slow to import

    failed = 1
    if products.dtype == np.float32:
        _, found, failed = lapack.sposv(covariance, products)
    if failed:
        _, found, failed = lapack.dposv(covariance, products)
    _checked(failed)
    return np.ascontiguousarray(found, dtype=products.dtype)


def _precision(residual: Rows) -> tuple[Rows, float]:
    from scipy.linalg import blas, lapack  # noqa: PLC0415 - slow to import

    centred = residual - residual.mean(axis=0)
    few = _few(centred)
    if few is not None:
        # P = (I − (1 − ρ)/n Xᵀ (K + νI)⁻¹ X) / ν, with the factor of the inverse on either side.
        factor, failed = lapack.dpotrf(few.regular().T, lower=1, overwrite_a=1)
        _checked(failed)
        half = blas.dtrsm(1.0, factor, centred.astype(np.float64, order="F"), lower=1)
        share = (1.0 - few.shrinkage) / len(centred)
        precision = half.T @ half
        precision *= -share / few.floor
        precision[np.diag_indices(len(precision))] += 1.0 / few.floor
        return np.ascontiguousarray(precision, dtype=residual.dtype), few.shrinkage
    covariance, shrinkage = ledoit_wolf(centred)
    # Symmetric, so that it is its own transpose: LAPACK takes it without a copy of another order.
    factor, failed = lapack.dpotrf(_regular(covariance).T, lower=0, clean=1, overwrite_a=1)
    _checked(failed)
    upper, _ = lapack.dpotri(factor, lower=0, overwrite_c=1)
    precision = upper + upper.T
    precision[np.diag_indices(len(precision))] /= 2.0
    return np.ascontiguousarray(precision, dtype=residual.dtype), shrinkage


@dataclass(frozen=True, slots=True, eq=False)
class _Few:
    """A covariance of more filters than images.

    Attributes:
        products: (n, n) K, see ``ledoit_wolf_of_few``.
        shrinkage: ρ.
        floor: ν, the variance of each direction in which no image lies.
    """

    products: Matrix
    shrinkage: float
    floor: float

    def regular(self) -> Matrix:
        """Return K + νI, in place."""
        self.products[np.diag_indices(len(self.products))] += self.floor
        return self.products


def _few(centred: Rows) -> _Few | None:
    """Return the covariance by products of images, where it is sooner inverted so, and as well."""
    images, filters = centred.shape
    if images > _FEW * filters:
        return None
    products, shrinkage, mean = ledoit_wolf_of_few(centred)
    if shrinkage < _LEAST_SHRINKAGE:
        return None
    return _Few(products, shrinkage, (shrinkage + _LEAST_VARIANCE) * mean)


def _checked(failed: int) -> None:
    if failed:
        raise np.linalg.LinAlgError("the covariance is not positive definite")


def _regular(covariance: Matrix) -> Matrix:
    """Give every direction a little variance."""
    size = float(np.mean(np.diagonal(covariance)))
    covariance[np.diag_indices(len(covariance))] += _LEAST_VARIANCE * size if size > 0.0 else 1.0
    return covariance


def _floating(rows: npt.ArrayLike) -> Rows:
    values = np.asarray(rows)
    return values if values.dtype == np.float32 else values.astype(np.float64, copy=False)


def _usable(
    layers: Sequence[npt.ArrayLike],
) -> tuple[list[npt.NDArray[Any]], npt.NDArray[np.bool_]]:
    """Return the rows without a value that is not finite, and which these are."""
    values = [np.asarray(rows) for rows in layers]
    if not values or any(rows.ndim != 2 or len(rows) != len(values[0]) for rows in values):
        raise ValueError("Layers are matrices (images, filters) of the same images, at least one.")
    finite = np.logical_and.reduce([np.isfinite(rows).all(axis=1) for rows in values])
    if finite.sum() < MINIMUM_ROWS:
        raise TooFewRows(int(finite.sum()))
    return values if finite.all() else [rows[finite] for rows in values], finite
