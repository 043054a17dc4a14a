"""Correlations to cluster, and partitions to compare, for the tests beside this file."""

import numpy as np
import numpy.typing as npt

from reactcnn_dash.analysis import CoMoments, Correlation, correlation

Matrix = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]
Partition = set[frozenset[int]]


def as_correlation(r: Matrix) -> Correlation:
    undefined = np.isnan(np.diagonal(r))
    return Correlation(r=r, n=100, constant=undefined, dead=np.zeros(len(r), dtype=bool))


def blocks(sizes: tuple[int, ...], inside: float, between: float) -> tuple[Matrix, Labels]:
    truth = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    r = np.where(truth[:, None] == truth, inside, between)
    np.fill_diagonal(r, 1.0)
    return r, truth


def sample(seed: int, filters: int, groups: int = 4, images: int = 60) -> Correlation:
    """A correlation as data gives it: groups of different tightness, noise, negative values."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(images, groups))
    membership = rng.integers(0, groups, filters)
    share = rng.uniform(0.2, 0.95, filters) * rng.choice([1.0, 1.0, 1.0, -1.0], filters)
    rows = hidden[:, membership] * share
    rows += rng.normal(size=(images, filters)) * np.sqrt(1 - share**2)
    return correlation(CoMoments.of(rows))


def partition(labels: npt.ArrayLike) -> Partition:
    array = np.asarray(labels)
    return {frozenset(np.flatnonzero(array == label).tolist()) for label in np.unique(array)}
