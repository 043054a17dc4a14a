"""How much of a layer repeats itself: pairs, effective rank, and clusters of which one would do.

What GAP values say is a suspicion, since they forget where in the image a filter answered. A filter
can go if the others explain its feature map, place by place, on images that were not fitted: see
``explained``, and the verdict of :func:`judge`. How far two maps look alike is told too, by
:class:`SpatialMoments`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.clusters import cluster_members

if TYPE_CHECKING:
    import numpy.typing as npt

    from reactcnn_dash.analysis.correlation import Correlation
    from reactcnn_dash.analysis.explained import LayerPlan

LEAST_IMAGES = 30
"""Images with maps below which they say nothing yet."""

EXAMPLES = 3
"""Images that are remembered for each filter: those in which its map varies most."""


class Verdict(StrEnum):
    """What is known of a cluster: alike by GAP only, or explained by those that stay."""

    CANDIDATE = "candidate"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class LayerRedundancy:
    """A layer in one row.

    Attributes:
        filters: how many it has.
        constant: how many never vary, the dead ones included.
        dead: how many are 0 on every image.
        pairs_90: pairs of filters with r > 0.9.
        pairs_95: pairs of filters with r > 0.95.
        effective_rank: see :func:`effective_rank`.
        could_go: filters that would go if every cluster kept one, and no constant filter stayed.
    """

    filters: int
    constant: int
    dead: int
    pairs_90: int
    pairs_95: int
    effective_rank: float
    could_go: int


@dataclass(frozen=True, slots=True)
class ClusterEvidence:
    """A cluster of two or more filters and what speaks for it.

    Attributes:
        label: its number.
        filters: its filters, ascending.
        keep: the filter that stands for it best: the one with the highest mean r to the others.
        mean_r: mean correlation of GAP values of the pairs inside.
        lowest_r: the lowest one.
        spatial_r: lowest correlation, place by place, of a filter's feature maps with those of
            ``keep``; None while too few maps are known.
        spatial: the same for each of ``filters``, however few images are behind it, None for one
            whose maps never varied; empty without maps.
        map_images: images whose maps are behind it: the fewest of any filter of the cluster.
        examples: the images to look at: where the map of ``keep`` varies most, as numbered by
            :class:`Spatial`; empty without maps.
        explained: for each of ``filters`` the R² by which the filters of the layer that stay
            explain its map, out of sample; None for one that stays itself or never varies; empty
            where there are too few maps.
        verdict: ``confirmed`` if all but one at most are explained by the level, else
            ``candidate``.
    """

    label: int
    filters: tuple[int, ...]
    keep: int
    mean_r: float
    lowest_r: float
    spatial_r: float | None
    spatial: tuple[float | None, ...]
    map_images: int
    examples: tuple[int, ...]
    explained: tuple[float | None, ...]
    verdict: Verdict


def effective_rank(c: Correlation) -> float:
    """Return how many dimensions the varying filters of a layer really span.

    The exponential of the Shannon entropy of the eigenvalues of the correlation matrix, taken as
    shares of their sum (Roy & Vetterli 2007, "The effective rank: a measure of effective
    dimensionality"): F for F uncorrelated filters, 1 for F copies of one, 0 without any.
    """
    varying = np.flatnonzero(np.isfinite(np.diagonal(c.r)))
    if not len(varying):
        return 0.0
    eigenvalues = np.clip(np.linalg.eigvalsh(c.r[np.ix_(varying, varying)]), 0.0, None)
    shares = eigenvalues / eigenvalues.sum()
    shares = shares[shares > 0.0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def redundancy(c: Correlation, labels: npt.NDArray[np.integer]) -> LayerRedundancy:
    """Describe a layer in one row.

    Args:
        c: correlation of F filters.
        labels: (F,) its clusters.
    """
    r = c.r[np.triu_indices(len(c.r), 1)]
    sizes = [len(members) for members in cluster_members(labels).values()]
    constant = int(c.constant.sum())
    return LayerRedundancy(
        filters=len(c.r),
        constant=constant,
        dead=int(c.dead.sum()),
        pairs_90=int((r > 0.9).sum()),
        pairs_95=int((r > 0.95).sum()),
        effective_rank=effective_rank(c),
        could_go=sum(size - 1 for size in sizes) + constant,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Spatial:
    """How far the feature maps of a layer's F filters agree place by place.

    Attributes:
        r: (F, F) float64 over all places of all images; NaN for filters whose maps never varied.
        images: (F,) int64, how many images each filter's map varied in.
        strongest: (F, :data:`EXAMPLES`) int64, the images in which it varied most, the strongest
            first, numbered in the order in which they were added; -1 where there are fewer.
    """

    r: npt.NDArray[np.float64]
    images: npt.NDArray[np.int64]
    strongest: npt.NDArray[np.int64]


class SpatialMoments:
    """Correlation of the feature maps of a layer's filters, place by place, folded image by image.

    Each map is centred on its own mean, so that nothing is left of its GAP value: what is compared
    is only where in the image the filters answer. The sums of products run over the places of all
    images, so that an image counts as much as its maps vary.

    Args:
        filters: F.
    """

    def __init__(self, filters: int) -> None:
        self._products = np.zeros((filters, filters))
        self._images = np.zeros(filters, np.int64)
        self._energy = np.zeros((filters, EXAMPLES))
        self._strongest = np.full((filters, EXAMPLES), -1, np.int64)
        self._added = 0

    def add(self, maps: npt.NDArray[np.floating]) -> None:
        """Take in the maps of one image, (F, H, W) of any floating dtype.

        An image with a value that is not finite is left out, but has a number too.
        """
        number = self._added
        self._added += 1
        flat = maps.reshape(len(maps), -1).astype(np.float64)
        if not np.isfinite(flat).all():
            return
        varies = np.ptp(flat, axis=1) > 0.0
        flat -= flat.mean(axis=1, keepdims=True)
        # What rounding leaves of a map without variation must not count as variation.
        flat[~varies] = 0.0
        self._products += flat @ flat.T
        self._images += varies
        self._remember(number, np.einsum("fp,fp->f", flat, flat))

    def result(self) -> Spatial:
        """Return what is known so far."""
        scale = np.sqrt(np.diagonal(self._products))
        scale = np.where(scale > 0.0, scale, np.nan)
        r: npt.NDArray[np.float64] = np.clip(self._products / np.outer(scale, scale), -1.0, 1.0)
        varying = np.flatnonzero(~np.isnan(scale))
        r[varying, varying] = 1.0
        return Spatial(r, self._images.copy(), self._strongest.copy())

    def _remember(self, number: int, energy: npt.NDArray[np.float64]) -> None:
        """Put an image among the strongest of each filter in which it varies enough."""
        numbers = np.where(energy > 0.0, number, -1)
        energies = np.column_stack([self._energy, energy])
        candidates = np.column_stack([self._strongest, numbers])
        best = np.argsort(-energies, axis=1, kind="stable")[:, :EXAMPLES]
        self._energy = np.take_along_axis(energies, best, axis=1)
        self._strongest = np.take_along_axis(candidates, best, axis=1)


def judge(
    c: Correlation,
    labels: npt.NDArray[np.integer],
    spatial: Spatial | None,
    plan: LayerPlan | None,
) -> tuple[ClusterEvidence, ...]:
    """Return every cluster of two or more filters its evidence and verdict, the tightest first.

    Args:
        c: correlation of F filters' GAP values.
        labels: (F,) its clusters.
        spatial: what is known of the feature maps, ``None`` without any.
        plan: which filters those that stay explain, ``None`` with too few maps for a verdict.
    """
    found = [
        _evidence(label, members, c.r, spatial, plan)
        for label, members in cluster_members(labels).items()
        if len(members) > 1
    ]
    return tuple(sorted(found, key=lambda one: (-one.mean_r, one.label)))


def _evidence(
    label: int,
    members: npt.NDArray[np.intp],
    r: npt.NDArray[np.float64],
    spatial: Spatial | None,
    plan: LayerPlan | None,
) -> ClusterEvidence:
    inside = r[np.ix_(members, members)]
    pairs = inside[np.triu_indices(len(members), 1)]
    keep = int(members[np.argmax(inside.sum(axis=1))])
    fewest = 0 if spatial is None else int(spatial.images[members].min())
    spatial_r: float | None = None
    examples: list[int] = []
    each: list[float | None] = []
    if spatial is not None:
        each = [None if np.isnan(one) else float(one) for one in spatial.r[members, keep]]
        examples = [number for number in spatial.strongest[keep].tolist() if number >= 0]
        if fewest >= LEAST_IMAGES:
            spatial_r = float(spatial.r[members[members != keep], keep].min())
    explained: list[float | None] = []
    confirmed = False
    if plan is not None:
        r2 = {one.filter: one.r2 for one in plan.explained}
        explained = [r2.get(filter_) for filter_ in members.tolist()]
        confirmed = len(set(members.tolist()) - plan.confirmed) <= 1
    return ClusterEvidence(
        label=label,
        filters=tuple(members.tolist()),
        keep=keep,
        mean_r=float(pairs.mean()),
        lowest_r=float(pairs.min()),
        spatial_r=spatial_r,
        spatial=tuple(each),
        map_images=fewest,
        examples=tuple(examples),
        explained=tuple(explained),
        verdict=Verdict.CONFIRMED if confirmed else Verdict.CANDIDATE,
    )
