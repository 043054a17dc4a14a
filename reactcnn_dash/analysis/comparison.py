"""One layer in two runs over the same images: alike as a whole, and filter by filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.agreement import (
    Flow,
    adjusted_rand,
    cluster_flow,
    normalised_mutual_information,
)
from reactcnn_dash.analysis.clusters import cluster, default_parameter, match_labels
from reactcnn_dash.analysis.correlation import correlation
from reactcnn_dash.analysis.cross_moments import cross_correlation, linear_cka
from reactcnn_dash.analysis.methods import REDUNDANT

if TYPE_CHECKING:
    import numpy.typing as npt

    from reactcnn_dash.analysis.correlation import CoMoments, Correlation
    from reactcnn_dash.analysis.cross_moments import CrossMoments

NO_MATCH = -1
"""The match of a filter that has none: it does not vary, or the other side ran out of filters."""
CONFIDENT_R = 0.5
"""A match below this correlation is not a confident one, however far ahead of the next."""
CONFIDENT_MARGIN = 0.05
"""A match this far ahead of the next best is a confident one."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The filters of one run matched with those of another, one to one; F filters in the first.

    Attributes:
        match: (F,) int32, the filter of the second run; :data:`NO_MATCH` without one.
        r: (F,) float64, the correlation of the two over the images; NaN without a match.
        margin: (F,) float64 in [-2, 2], how far r is above the best rival, see
            :func:`match_filters`; NaN without a match.
        left_out: filters that do not vary, in the first and in the second run.
    """

    match: npt.NDArray[np.int32]
    r: npt.NDArray[np.float64]
    margin: npt.NDArray[np.float64]
    left_out: tuple[int, int]

    @property
    def confident(self) -> npt.NDArray[np.bool_]:
        """(F,) r ≥ :data:`CONFIDENT_R` and margin ≥ :data:`CONFIDENT_MARGIN`."""
        return (self.r >= CONFIDENT_R) & (self.margin >= CONFIDENT_MARGIN)


def match_filters(r: npt.NDArray[np.float64]) -> Matches:
    """Match filters one to one so that the sum of their correlations is largest.

    The assignment problem on r (Kuhn 1955, "The Hungarian method for the assignment problem"), with
    its sign: two filters that answer opposite images are not the same filter. Filters that do not
    vary are left out.

    The confidence of a match of i with j is its margin over the best rival, in either direction:
    margin = r_ij − max(max over j′ ≠ j of r_ij′, max over i′ ≠ i of r_i′j). Duplicates, which are
    interchangeable, have a margin of about 0; it is negative where the assignment took less than
    the best for the sake of the whole. Without any rival, −1 stands for it.

    Args:
        r: (F1, F2) float64 cross-correlation; NaN in the rows and columns of constant filters.
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - slow to import

    defined = ~np.isnan(r)
    rows, columns = np.flatnonzero(defined.any(axis=1)), np.flatnonzero(defined.any(axis=0))
    match = np.full(len(r), NO_MATCH, dtype=np.int32)
    matched_r, margin = np.full(len(r), np.nan), np.full(len(r), np.nan)
    if len(rows) and len(columns):
        inner = r[np.ix_(rows, columns)]
        i, j = linear_sum_assignment(inner, maximize=True)
        rivals = inner.copy()
        rivals[i, j] = -1.0
        # The matched entry of every row and column is blanked, so its own is no rival of itself.
        best_rival = np.maximum(rivals.max(axis=1)[i], rivals.max(axis=0)[j])
        match[rows[i]] = columns[j]
        matched_r[rows[i]] = inner[i, j]
        margin[rows[i]] = inner[i, j] - best_rival
    left_out = (r.shape[0] - len(rows), r.shape[1] - len(columns))
    return Matches(match, matched_r, margin, left_out)


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """The clusters of one layer in both runs, and how far they agree.

    Attributes:
        a: (F,) int32 labels in the first run.
        b: (F,) int32 labels in the second run; a cluster keeps the number of the one that it
            continues.
        ari: adjusted Rand index; NaN when no filter is in a cluster in both.
        nmi: normalised mutual information, likewise.
        flow: which filters went where, by number.
        parameter: the clustering method's parameter, the same in both.
    """

    a: npt.NDArray[np.int32]
    b: npt.NDArray[np.int32]
    ari: float
    nmi: float
    flow: tuple[Flow, ...]
    parameter: float

    @classmethod
    def of(cls, a: npt.NDArray[np.int32], b: npt.NDArray[np.int32], parameter: float) -> Clusters:
        """Compare two clusterings of the same filters."""
        return cls(
            a=a,
            b=b,
            ari=adjusted_rand(a, b),
            nmi=normalised_mutual_information(a, b),
            flow=cluster_flow(a, b),
            parameter=parameter,
        )


@dataclass(frozen=True, slots=True, eq=False)
class LayerComparison:
    """One layer of F filters in two runs.

    Attributes:
        n: images behind it.
        cka: linear CKA of the two; NaN when one is constant.
        same_index: (F,) float64, r of each filter with the filter of the same number in the other
            run; NaN for filters that do not vary in one of them.
        matches: the best match of every filter of the first run.
        clusters: the clusters of both.
        constant: filters that do not vary in the first and in the second run, dead ones included.
        dead: filters that are 0 on every image in the first and in the second run.
        died: the filters that are dead in the second run only.
        came_alive: the filters that are dead in the first run only.
    """

    n: int
    cka: float
    same_index: npt.NDArray[np.float64]
    matches: Matches
    clusters: Clusters
    constant: tuple[int, int]
    dead: tuple[int, int]
    died: tuple[int, ...]
    came_alive: tuple[int, ...]


def cluster_both(
    x: CoMoments, y: CoMoments, method: str = REDUNDANT.key, parameter: float | None = None
) -> Clusters:
    """Cluster a layer in both runs.

    Args:
        x: the layer's co-moments in the first run.
        y: the same in the second.
        method: how both are clustered, see ``METHODS``.
        parameter: the method's parameter, the same for both; None takes the one that suits the
            first run's layer.

    Raises:
        TooFewImages: fewer images than a correlation needs.
        ValueError: unknown method, or a parameter out of its range.
    """
    sides = (correlation(x), correlation(y))
    used = default_parameter(sides[0], method) if parameter is None else parameter
    a, b = (cluster(side, method, used) for side in sides)
    return Clusters.of(a, match_labels(b, a), used)


def compare_layer(state: CrossMoments, clusters: Clusters) -> LayerComparison:
    """Compare a layer of two runs from its streamed statistics.

    Args:
        state: of the layer in both runs, over the same images.
        clusters: of both, see :func:`cluster_both`.

    Raises:
        TooFewImages: fewer images than a correlation needs.
        ValueError: the two have different numbers of filters.
    """
    if state.cross.shape[0] != state.cross.shape[1]:
        raise ValueError(
            f"Layers of {state.cross.shape[0]} and {state.cross.shape[1]} filters do not compare."
        )
    sides = (correlation(state.x), correlation(state.y))
    r = cross_correlation(state)
    return LayerComparison(
        n=state.n,
        cka=linear_cka(state),
        same_index=np.diagonal(r).copy(),
        matches=match_filters(r),
        clusters=clusters,
        constant=_both(sides, "constant"),
        dead=_both(sides, "dead"),
        died=_only(sides[1].dead, sides[0].dead),
        came_alive=_only(sides[0].dead, sides[1].dead),
    )


def _both(sides: tuple[Correlation, Correlation], what: str) -> tuple[int, int]:
    first, second = (int(getattr(side, what).sum()) for side in sides)
    return first, second


def _only(here: npt.NDArray[np.bool_], there: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(here & ~there).tolist())
