"""How many filters each layer keeps, so that the damage is smallest for what is saved.

Parameters and multiply-adds of a layer are products of how many filters go in and come out, so what
a filter costs depends on what else is kept: the cheapest damage is taken first, and the price of
the rest is told anew after each cut. Early layers hold the multiply-adds and late ones the
parameters, so the two budgets lead to different networks.

Wide layers lose filters by eights: what is left of them then fills a processor's vectors, and the
same multiply-adds take less time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from reactcnn_dash.analysis.column_selection import Selection

BLOCK = 8
WIDE = 64
"""From so many filters on a group loses them so many at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """What L layers cost, given which of A filters are kept.

    Layer l costs pair_l · i · o + output_l · o + input_l · i with i and o the kept ones among its
    inputs and outputs.

    Attributes:
        inputs: (L, A) how often a layer receives each filter.
        outputs: (L, A) how often it makes each filter.
        pair: (L,) cost for each pair of an input and an output.
        output: (L,) cost for each output.
        input: (L,) cost for each input.
    """

    inputs: npt.NDArray[np.float64]
    outputs: npt.NDArray[np.float64]
    pair: npt.NDArray[np.float64]
    output: npt.NDArray[np.float64]
    input: npt.NDArray[np.float64]

    def total(self, kept: npt.NDArray[np.bool_]) -> float:
        """Cost of the network when the filters of the mask (A,) are kept."""
        here, there = self.inputs @ kept, self.outputs @ kept
        return float(self.pair @ (here * there) + self.output @ there + self.input @ here)

    def saved(
        self,
        here: npt.NDArray[np.float64],
        there: npt.NDArray[np.float64],
        goes_in: npt.NDArray[np.float64],
        goes_out: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float64]:
        """Return what saves each of n choices of what goes.

        Args:
            here: (L,) inputs that stay now.
            there: (L,) outputs that stay now.
            goes_in: (L, n) inputs that go.
            goes_out: (L, n) outputs that go.
        """
        pairs = goes_in * there[:, None] + here[:, None] * goes_out - goes_in * goes_out
        result: npt.NDArray[np.float64] = (
            self.pair @ pairs + self.output @ goes_out + self.input @ goes_in
        )
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Filters in the order in which they go, from the whole network to the narrowest.

    Attributes:
        groups: (n,) int, which group the filters of each step belong to; of a group the last of its
            order go first.
        sizes: (n,) int, how many they are.
        cost: (n + 1,) float64, cost before any step and after each.
        residual: (n + 1,) float64, what the kept ones do not explain of all groups, likewise.
    """

    groups: npt.NDArray[np.intp]
    sizes: npt.NDArray[np.intp]
    cost: npt.NDArray[np.float64]
    residual: npt.NDArray[np.float64]

    def gone(self, steps: int, groups: int) -> npt.NDArray[np.intp]:
        """Return how many filters of each group are gone after some steps."""
        sizes = self.sizes[:steps]
        return np.bincount(self.groups[:steps], sizes, minlength=groups).astype(np.intp)

    def steps_to(self, cost: float) -> int:
        """Return the fewest steps after which the cost is not above a budget.

        All if it never is.
        """
        within = np.flatnonzero(self.cost <= cost)
        return int(within[0]) if len(within) else len(self.groups)


def narrowing(
    selections: Sequence[Selection],
    least: Sequence[int],
    costs: Costs,
) -> Path:
    """Let filters go, each time those of the group with the least damage for what they save.

    They go one by one, of a group of at least :data:`WIDE` so many at once that a multiple of
    :data:`BLOCK` stays.

    Args:
        selections: for each group of filters, in which order they are worth keeping; their
            residuals in a common unit.
        least: how many of each group stay in any case.
        costs: what is to be saved.
    """
    kept = np.ones(costs.inputs.shape[1], bool)
    here, there = costs.inputs @ kept, costs.outputs @ kept
    orders = [selection.order for selection in selections]
    slopes = [np.concatenate([[0.0], np.cumsum(_convex(one.residual))]) for one in selections]
    ins, outs = (
        [_running(cost[:, order]) for order in orders] for cost in (costs.inputs, costs.outputs)
    )
    counts = np.array([len(order) for order in orders], np.intp)
    blocks = np.where(counts >= WIDE, BLOCK, 1)
    floors = np.array(least, np.intp)
    cost, residual = [costs.total(kept)], [sum(float(one.residual[-1]) for one in selections)]
    gone, sizes = [], []
    while (open_ := np.flatnonzero(counts > floors)).size:
        groups = open_.tolist()
        after = np.maximum((counts - 1) // blocks * blocks, floors)
        goes_in, goes_out = (
            np.stack([one[g][:, counts[g]] - one[g][:, after[g]] for g in groups], axis=1)
            for one in (ins, outs)
        )
        saved = np.maximum(costs.saved(here, there, goes_in, goes_out), np.finfo(float).tiny)
        damage = np.array([slopes[g][counts[g]] - slopes[g][after[g]] for g in groups])
        # What does no damage goes first, and of that what saves most.
        best = int(np.lexsort((-saved, damage / saved))[0])
        group = groups[best]
        before = selections[group].residual[counts[group]]
        sizes.append(counts[group] - after[group])
        counts[group] = after[group]
        here = here - goes_in[:, best]
        there = there - goes_out[:, best]
        cost.append(cost[-1] - float(saved[best]))
        residual.append(residual[-1] + float(selections[group].residual[counts[group]] - before))
        gone.append(group)
    return Path(
        np.array(gone, np.intp), np.array(sizes, np.intp), np.array(cost), np.array(residual)
    )


def _running(costs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return (L, n + 1) sums over the first 0, 1, … n columns."""
    return np.concatenate([np.zeros((len(costs), 1)), np.cumsum(costs, axis=1)], axis=1)


def _convex(residual: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what each filter of an order takes away, along the residual's convex lower envelope.

    A filter that explains little by itself and much with the next one must not stop the others.
    """
    if len(residual) < 2:
        return np.zeros(0)
    from scipy.optimize import isotonic_regression  # noqa: PLC0415 - slow to import

    result: npt.NDArray[np.float64] = isotonic_regression(
        residual[:-1] - residual[1:], increasing=False
    ).x
    return result
