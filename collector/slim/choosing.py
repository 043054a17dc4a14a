"""Which channels stay: by what they explain, or by the usual rules that it is compared with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from reactcnn_dash.analysis import (
    Received,
    Selection,
    View,
    correlation,
    lossless_filters,
    narrowing,
    select_filters,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from collector.slim.bundles import Bundle
    from collector.slim.consumers import Consumer
    from collector.slim.measuring import Measured
    from reactcnn_dash.analysis import Costs, Path

T = TypeVar("T", View, Received)


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Everything that a budget is spent on.

    Attributes:
        bundles: among what a choice is made.
        selections: the order of each bundle's channels, in the unit of the predicted divergence of
            the network's predictions.
        path: channels in the order in which they go.
        parameters: what channels cost in parameters.
        work: what they cost in multiply-adds.
    """

    bundles: tuple[Bundle, ...]
    selections: tuple[Selection, ...]
    path: Path
    parameters: Costs
    work: Costs

    def towards(self, saving: tuple[bool, bool]) -> Choice:
        """Return the same channels on the way to save parameters, multiply-adds, or both."""
        least = [bundle.least for bundle in self.bundles]
        path = narrowing(self.selections, least, _joined((self.parameters, self.work), saving))
        return dataclasses.replace(self, path=path)

    def kept(self, steps: int) -> NDArray[np.bool_]:
        """Return which channels stay after some steps along the path."""
        result = np.ones(self.parameters.inputs.shape[1], bool)
        gone = self.path.gone(steps, len(self.bundles))
        for selection, count in zip(self.selections, gone, strict=True):
            result[selection.order[len(selection.order) - count :]] = False
        return result

    def steps_within(self, parameters: float | None, work: float | None) -> int | None:
        """Return the fewest steps that bring parameters and multiply-adds within their shares.

        Returns:
            ``None`` if the narrowest network is still above a budget.
        """
        whole = np.ones(self.parameters.inputs.shape[1], bool)
        budgets = [
            (costs, share * costs.total(whole))
            for costs, share in ((self.parameters, parameters), (self.work, work))
            if share is not None
        ]

        def fits(steps: int) -> bool:
            kept = self.kept(steps)
            return all(costs.total(kept) <= budget for costs, budget in budgets)

        low, high = 0, len(self.path.groups)
        if not fits(high):
            return None
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if fits(middle) else (middle + 1, high)
        return low


def prepare(
    consumers: Sequence[Consumer],
    measured: Sequence[Measured],
    bundles: tuple[Bundle, ...],
    *,
    costs: tuple[Costs, Costs],
    saving: tuple[bool, bool],
    step: Callable[[int], None],
) -> Choice:
    """Order all channels by what their going costs and saves.

    Args:
        consumers: what mixes channels.
        measured: what was measured of each.
        bundles: among what a choice is made.
        costs: in parameters and in multiply-adds.
        saving: whether each of the two is to be saved; both are weighed alike.
        step: told of each bundle that is done.
    """
    selections = []
    for bundle in bundles:
        views, fixed = _received_of(bundle, consumers, measured, views_of)
        selections.append(select_filters(views, bundle.channels, bundle.producers, fixed))
        step(1)
    least = [bundle.least for bundle in bundles]
    path = narrowing(selections, least, _joined(costs, saving))
    return Choice(bundles, tuple(selections), path, *costs)


def _received_of(
    bundle: Bundle,
    consumers: Sequence[Consumer],
    measured: Sequence[Measured],
    look: Callable[[Consumer, Measured], list[T]],
) -> tuple[list[T], NDArray[np.intp]]:
    """Return what consumers receive of a bundle, and which other channels they receive with it."""
    received = [
        one
        for index in bundle.consumers
        for one in look(consumers[index], measured[index])
        if np.isin(one.filters, bundle.channels).any()
    ]
    seen = np.unique(np.concatenate([one.filters for one in received]))
    return received, np.setdiff1d(seen, bundle.channels)


def views_of(consumer: Consumer, measured: Measured) -> list[View]:
    """Return what a consumer receives, weighed by what its answers matter to the predictions.

    A deviation δ of its input at one place changes its answers by W_tᵀ δ for each tap t, which
    costs ½ Σ_t δᵀ W_t M W_tᵀ δ with M what its answers matter: the places around are taken as
    independent.
    """
    found = []
    for group, halves in zip(consumer.groups, measured.groups, strict=True):
        state = halves.first.merge(halves.second)
        size = len(group.channels)
        moments = state.comoment / max(state.n, 1)
        if consumer.constant == 1.0:
            moments = moments + np.outer(state.mean, state.mean)
        weight = np.zeros((size, size))
        # Single precision is enough for what only weighs, and half the work.
        matters = measured.matters.astype(np.float32)
        for columns in group.columns:
            kernel = np.swapaxes(consumer.kernel[:, columns], 0, 1).astype(np.float32)
            weight += (kernel @ matters).reshape(size, -1) @ kernel.reshape(size, -1).T
        weight = (weight + weight.T) / 2
        found.append(View(group.channels, moments, weight / 2))
    return found


def lossless(
    consumers: Sequence[Consumer],
    measured: Sequence[Measured],
    bundles: Sequence[Bundle],
    channels: int,
) -> NDArray[np.bool_]:
    """Return which channels stay when only those go that no consumer would miss.

    Args:
        consumers: what mixes channels.
        measured: what was measured of each.
        bundles: among what a choice is made.
        channels: how many there are in all.
    """
    kept = np.ones(channels, bool)
    for bundle in bundles:
        received, fixed = _received_of(bundle, consumers, measured, received_by)
        stay = lossless_filters(received, bundle.channels, bundle.producers, fixed)
        kept[np.setdiff1d(bundle.channels, stay)] = False
    return kept


def received_by(consumer: Consumer, measured: Measured) -> list[Received]:
    """Return what a consumer receives, weighed by its share of the energy of its answers.

    The energy of an answer is the sum of those of the products that it is the sum of: the scale of
    the rounding of its computation.
    """
    squares = []
    whole = np.square(consumer.own_bias)
    for group, halves in zip(consumer.groups, measured.groups, strict=True):
        state = halves.first.merge(halves.second)
        square = sum(np.square(consumer.kernel[:, one]).sum(axis=0) for one in group.columns)
        energy = np.diagonal(state.comoment) / max(state.n, 1) + state.mean**2
        squares.append(np.asarray(square, np.float64))
        whole = whole + energy @ squares[-1]
    return [
        Received(
            group.channels,
            halves.first,
            halves.second,
            consumer.constant,
            np.divide(square, whole, out=np.zeros_like(square), where=whole > 0.0).max(axis=1),
        )
        for group, halves, square in zip(consumer.groups, measured.groups, squares, strict=True)
    ]


def _joined(costs: tuple[Costs, Costs], saving: tuple[bool, bool]) -> Costs:
    """Return one cost out of two, each as a share of what the whole network costs."""
    first, second = costs
    whole = np.ones(first.inputs.shape[1], bool)
    shares = [
        float(wanted) / max(one.total(whole), 1.0)
        for one, wanted in zip(costs, saving, strict=True)
    ]
    mixed = (
        getattr(first, name) * shares[0] + getattr(second, name) * shares[1]
        for name in ("pair", "output", "input")
    )
    return type(first)(first.inputs, first.outputs, *mixed)


def by_rule(
    method: str,
    choice: Choice,
    steps: int,
    *,
    consumers: Sequence[Consumer],
    measured: Sequence[Measured],
    seed: int,
) -> NDArray[np.bool_]:
    """Return which channels stay when as many of each bundle are chosen by another rule.

    Args:
        method: one of ``request.METHODS``.
        choice: the choice by what channels explain, for the numbers.
        steps: how far along its path.
        consumers: what mixes channels.
        measured: what was measured of each.
        seed: settles what ``random`` chooses.
    """
    kept = choice.kept(steps)
    if method == "refit":
        return kept
    generator = np.random.default_rng(seed)
    for bundle in choice.bundles:
        count = int(kept[bundle.channels].sum())
        if count == len(bundle.channels):
            continue
        if method == "random":
            ranks = generator.permutation(len(bundle.channels))
        elif method == "l1":
            ranks = np.argsort(np.argsort(-_norms(bundle, consumers)))
        else:
            ranks = _cluster_ranks(bundle, count, consumers, measured)
        kept[bundle.channels] = _first(ranks, bundle.producers, count)
    return kept


def _first(ranks: NDArray[np.intp], producers: NDArray[np.intp], count: int) -> NDArray[np.bool_]:
    """Return the lowest ranks, but at least one of each producer."""
    order = np.argsort(ranks, kind="stable")
    _, heads = np.unique(producers[order], return_index=True)
    chosen = np.concatenate([order[heads], np.delete(order, heads)])[:count]
    result = np.zeros(len(ranks), bool)
    result[chosen] = True
    return result


def _norms(bundle: Bundle, consumers: Sequence[Consumer]) -> NDArray[np.float64]:
    """L1 norm of each filter's kernel.

    Li et al. (2017), "Pruning filters for efficient convnets", section 3.1.
    """
    place = {int(number): index for index, number in enumerate(bundle.channels)}
    result = np.zeros(len(place))
    for one in consumers:
        norms = np.abs(one.kernel).sum(axis=(0, 1))
        for number, norm in zip(one.made.tolist(), norms, strict=True):
            if number in place:
                result[place[number]] += norm
    return result


def _cluster_ranks(
    bundle: Bundle, count: int, consumers: Sequence[Consumer], measured: Sequence[Measured]
) -> NDArray[np.intp]:
    """Return one filter of each cluster first: average linkage of the correlation of GAP values."""
    from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415 - slow to import
    from scipy.spatial.distance import squareform  # noqa: PLC0415

    size = len(bundle.channels)
    r = np.eye(size)
    place = {int(number): index for index, number in enumerate(bundle.channels)}
    known = np.zeros((size, size), bool)
    for index in bundle.consumers:
        for group, moments in zip(consumers[index].groups, measured[index].groups, strict=True):
            inside = np.array([i for i, n in enumerate(group.channels.tolist()) if n in place])
            if not len(inside) or moments.gap.n < 2:
                continue
            here = np.array([place[int(group.channels[i])] for i in inside])
            found = np.nan_to_num(correlation(moments.gap).r[np.ix_(inside, inside)])
            new = ~known[np.ix_(here, here)]
            r[np.ix_(here, here)] = np.where(new, found, r[np.ix_(here, here)])
            known[np.ix_(here, here)] = True
    distance = np.clip(1.0 - (r + r.T) / 2.0, 0.0, 2.0)
    np.fill_diagonal(distance, 0.0)
    labels = fcluster(linkage(squareform(distance, checks=False), "average"), count, "maxclust")
    ranks = np.full(size, 1, np.intp)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        ranks[members[np.argmax(r[np.ix_(members, members)].sum(axis=1))]] = 0
    return ranks
