"""A covariance that can be inverted although there are hardly more images than filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def ledoit_wolf(centred: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], float]:
    """Covariance shrunk towards a multiple of the identity, by as much as the data ask for.

    Σ = (1 − ρ) S + ρ μ I with μ = tr S / F and ρ = min(β², δ²) / δ², where δ² = ‖S − μI‖²/F and
    β² = (1/n²) Σ_k ‖x_k x_kᵀ − S‖² / F: Ledoit & Wolf (2004), "A well-conditioned estimator for
    large-dimensional covariance matrices". Of the fourth moments only Σ_k ‖x_k‖⁴ is needed, since
    Σ_k ‖x_k x_kᵀ − S‖² = Σ_k ‖x_k‖⁴ − n ‖S‖².

    Args:
        centred: (n, F) rows whose columns have mean 0, n ≥ 1, in single or double precision.

    Returns:
        (F, F) Σ, and ρ in [0, 1].
    """
    n, filters = centred.shape
    covariance = (centred.T @ centred).astype(np.float64)
    covariance /= n
    shrinkage, mean = _shrinkage(covariance, centred)
    covariance *= 1.0 - shrinkage
    covariance[np.diag_indices(filters)] += shrinkage * mean
    return covariance, shrinkage


def ledoit_wolf_of_few(
    centred: npt.NDArray[np.floating],
) -> tuple[npt.NDArray[np.float64], float, float]:
    """Return the same covariance by the products of images, which are fewer than its filters.

    With K = (1 − ρ) X Xᵀ / n of the (n, F) rows X, Σ = (1 − ρ) Xᵀ X / n + ρ μ I needs no matrix of
    F × F: Σ⁻¹ Xᵀ = Xᵀ (K + ρ μ I)⁻¹ (Woodbury 1950, "Inverting modified matrices").

    Args:
        centred: as for :func:`ledoit_wolf`.

    Returns:
        (n, n) K, ρ, and μ.
    """
    products = (centred @ centred.T).astype(np.float64)
    products /= len(centred)
    # Trace and norm are those of the covariance.
    shrinkage, mean = _shrinkage(products, centred)
    products *= 1.0 - shrinkage
    return products, shrinkage, mean


def _shrinkage(
    products: npt.NDArray[np.float64], centred: npt.NDArray[np.floating]
) -> tuple[float, float]:
    """Return ρ, and μ, of a covariance or of the products of images, divided by their number."""
    n, filters = centred.shape
    mean = float(np.trace(products)) / filters
    squared = float(np.vdot(products, products))
    delta = squared / filters - mean**2
    lengths = np.einsum("ij,ij->i", centred, centred).astype(np.float64)
    beta = (float(np.sum(lengths**2)) / n - squared) / (n * filters)
    # A covariance that is μI already has nothing to shrink.
    return min(max(beta, 0.0), delta) / delta if delta > 0.0 else 0.0, mean
