"""Selection, explanation, refit and widths against plain NumPy and against brute force."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactcnn_dash.analysis import (
    CoMoments,
    Costs,
    NormalEquations,
    Selection,
    View,
    explain,
    keepers,
    narrowing,
    refit,
    select_filters,
)


def rows(count: int, filters: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, filters)) @ generator.normal(size=(filters, filters))


def left_over(x: np.ndarray, weights: np.ndarray, kept: list[int]) -> float:
    """What least squares on the kept columns leaves of x @ weights, by NumPy's own solver."""
    target = x @ weights
    if not kept:
        return float((target**2).sum())
    fit = np.linalg.lstsq(x[:, kept], target, rcond=None)[0]
    return float(((target - x[:, kept] @ fit) ** 2).sum())


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(1, 6), st.integers(0, 10_000))
def test_each_choice_is_the_best_one_and_residuals_are_those_of_least_squares(
    filters: int, outputs: int, seed: int
) -> None:
    x = rows(60, filters, seed)
    weights = np.random.default_rng(seed + 1).normal(size=(filters, outputs))
    numbers = np.arange(filters)
    view = View(numbers, x.T @ x, weights @ weights.T)
    found = select_filters([view], numbers, np.zeros(filters, np.intp))
    whole = left_over(x, weights, [])
    for count in range(filters):
        before = found.order[:count].tolist()
        rest = [one for one in range(filters) if one not in before]
        best = min(left_over(x, weights, [*before, one]) for one in rest)
        chosen = left_over(x, weights, found.order[: count + 1].tolist())
        assert chosen == pytest.approx(best, rel=1e-6, abs=1e-8 * whole)
        assert found.residual[count + 1] == pytest.approx(chosen, rel=1e-5, abs=1e-7 * whole)


def test_a_sum_of_others_goes_though_it_resembles_none() -> None:
    x = np.random.default_rng(1).normal(size=(500, 6))
    x[:, 5] = x[:, :5].sum(axis=1)
    assert max(abs(np.corrcoef(x[:, 5], x[:, one])[0, 1]) for one in range(5)) < 0.6
    numbers = np.arange(6)
    found = select_filters([View(numbers, x.T @ x, np.eye(6))], numbers, np.zeros(6, np.intp))
    assert found.residual[5] == 0.0
    assert (found.residual[:5] > 0).all()


def test_fixed_filters_explain_and_every_producer_keeps_one() -> None:
    x = np.random.default_rng(2).normal(size=(300, 6))
    x[:, 2] = 3.0 * x[:, 0]
    x[:, 3:] *= 0.01
    view = View(np.arange(6), x.T @ x, np.eye(6))
    candidates = np.array([1, 2, 3, 4, 5])
    found = select_filters([view], candidates, np.array([7, 7, 8, 8, 9]), np.array([0]))
    assert sorted(found.order.tolist()) == candidates.tolist()
    # One of producer 7, 8 and 9 each, although 3 … 5 are faint; 2 is explained by 0, so it is last.
    assert {1, 5} < set(found.order[:3].tolist())
    assert len({3, 4} & set(found.order[:3].tolist())) == 1
    assert found.order[-1] == 2
    assert found.residual[4] == 0.0


def test_explanations_are_judged_on_images_that_were_not_fitted() -> None:
    generator = np.random.default_rng(3)
    x = generator.normal(size=(4000, 5)) + 2.0
    x[:, 3] = 2.0 * x[:, 0] - x[:, 1] + 4.0
    x[:, 4] = x[:, 2] + generator.normal(size=4000)
    kept = np.array([0, 1, 2])
    first, second = CoMoments.of(x[::2]), CoMoments.of(x[1::2])
    exact, half = explain(first, second, kept)
    assert (exact.filter, half.filter) == (3, 4)
    assert exact.r2 == pytest.approx(1.0, abs=1e-6)
    assert exact.by == (0, 1)
    assert half.by == (2,)
    design = np.column_stack([x[::2][:, kept], np.ones(2000)])
    fit = np.linalg.lstsq(design, x[::2, 4], rcond=None)[0]
    judged = np.column_stack([x[1::2][:, kept], np.ones(2000)])
    error = x[1::2, 4] - judged @ fit
    truth = 1 - (error**2).sum() / ((x[1::2, 4] - x[1::2, 4].mean()) ** 2).sum()
    assert half.r2 == pytest.approx(truth, abs=1e-5)
    # Noise that is fitted to by as many filters as there are rows explains nothing elsewhere.
    noise = generator.normal(size=(60, 31))
    overfitted = explain(CoMoments.of(noise[:30]), CoMoments.of(noise[30:]), np.arange(30))
    assert overfitted[0].r2 is not None
    assert overfitted[0].r2 < 0.2


def test_the_copy_of_a_weak_filter_is_explained_like_that_of_a_strong_one() -> None:
    x = rows(400, 4, 3)
    x[:, 2] *= 1e-4
    x[:, 3] = -x[:, 2]
    one, other = CoMoments.of(x[::2]), CoMoments.of(x[1::2])
    (found,) = explain(one, other, np.array([0, 1, 2]))
    assert found.r2 == pytest.approx(1.0, abs=1e-5)
    assert found.by[0] == 2
    assert found.r2_by == pytest.approx(1.0, abs=1e-5)


def test_keepers_explain_every_other_filter_at_the_level_and_one_fewer_does_not() -> None:
    x = rows(800, 4, 5) @ np.random.default_rng(6).normal(size=(4, 10))
    x = np.column_stack([x, np.zeros(800), 1e-6 * x[:, 0]])
    state = CoMoments.of(x)
    kept = keepers(state, 0.999)
    assert len(kept) == 4
    assert 10 not in kept
    found = {one.filter: one for one in explain(state, state, kept)}
    assert found[10].r2 is None
    assert all(one.r2 is not None and one.r2 >= 0.999 for n, one in found.items() if n != 10)
    for three in combinations(kept.tolist(), 3):
        least = min(one.r2 for one in explain(state, state, np.array(three)) if one.r2 is not None)
        assert least < 0.999


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(1, 30), st.integers(0, 10_000))
def test_normal_equations_merge_to_those_of_all_rows(inputs: int, cut: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, y = generator.normal(3.0, 1.0, (40, inputs)), generator.normal(-1.0, 2.0, (40, 2))
    whole = NormalEquations.of(x, y)
    parts = NormalEquations.of(x[:cut], y[:cut]).merge(NormalEquations.of(x[cut:], y[cut:]))
    for one, other in ((whole, parts), (whole.centred_on_zero(), parts.centred_on_zero())):
        for name in ("n", "mean_x", "mean_y", "xx", "xy", "yy"):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-9)
    np.testing.assert_allclose(whole.centred_on_zero().xx, x.T @ x, rtol=1e-9)
    kernel = generator.normal(size=(inputs, 2))
    error = y - x @ kernel
    missed = ((error - error.mean(axis=0)) ** 2).sum(axis=0)
    np.testing.assert_allclose(whole.missed(kernel), missed, rtol=1e-6, atol=1e-8)


def test_refit_finds_the_kernel_and_its_bias() -> None:
    generator = np.random.default_rng(8)
    x, kernel = generator.normal(size=(4000, 6)) + 1.0, generator.normal(size=(6, 3))
    y = x @ kernel + 5.0 + generator.normal(size=(4000, 3)) * 0.01
    halves = NormalEquations.of(x[::2], y[::2]), NormalEquations.of(x[1::2], y[1::2])
    found = refit(*halves, np.zeros((6, 3)))
    np.testing.assert_allclose(found.kernel, kernel, atol=5e-3)
    np.testing.assert_allclose(found.bias, 5.0, atol=2e-2)
    assert found.r2 > 0.999


def test_refit_stays_with_what_is_exact_and_with_what_noise_cannot_better() -> None:
    generator = np.random.default_rng(9)
    x, kernel = generator.normal(size=(300, 6)), generator.normal(size=(6, 3))
    halves = [NormalEquations.of(part, part @ kernel + 1.0) for part in (x[::2], x[1::2])]
    found = refit(halves[0], halves[1], kernel)
    assert found.ridge is None
    np.testing.assert_array_equal(found.kernel, kernel)
    np.testing.assert_allclose(found.bias, 1.0)
    few = generator.normal(size=(60, 29))
    noise = generator.normal(size=(60, 2))
    start = np.zeros((29, 2))
    chance = refit(
        NormalEquations.of(few[::2], noise[::2]), NormalEquations.of(few[1::2], noise[1::2]), start
    )
    assert np.linalg.norm(few @ chance.kernel) < 0.75 * np.linalg.norm(noise)


def chain(widths: tuple[int, ...], areas: tuple[float, ...]) -> Costs:
    """Costs of layers one after the other; the first receives three fixed channels."""
    edges = np.cumsum([0, 3, *widths])
    total = int(edges[-1])
    inputs, outputs = np.zeros((2, len(widths), total))
    for layer in range(len(widths)):
        inputs[layer, edges[layer] : edges[layer + 1]] = 1
        outputs[layer, edges[layer + 1] : edges[layer + 2]] = 1
    nothing = np.zeros(len(widths))
    return Costs(inputs, outputs, np.array(areas), nothing + 1.0, nothing)


def test_narrowing_spends_where_the_damage_is_least_for_what_is_saved() -> None:
    costs = chain((4, 4, 2), (100.0, 1.0, 1.0))
    orders = [np.arange(3, 7), np.arange(7, 11)]
    residual = np.array([8.0, 4.0, 2.0, 1.0, 0.0])
    selections = [Selection(order, residual) for order in orders]
    path = narrowing(selections, [1, 1], costs)
    kept = np.ones(13, bool)
    left = [4, 4]
    for step, group in enumerate(path.groups.tolist()):
        assert path.cost[step] == pytest.approx(costs.total(kept))
        left[group] -= 1
        kept[orders[group][left[group]]] = False
    assert path.cost[-1] == pytest.approx(costs.total(kept))
    assert left == [1, 1]
    # The first layer holds nearly all of the cost, so it is narrowed first, and to the end.
    assert path.groups.tolist() == [0, 0, 0, 1, 1, 1]
    assert path.residual.tolist() == [0, 1, 2, 4, 5, 6, 8]
    late = narrowing(selections, [1, 1], chain((4, 4, 2), (1.0, 1.0, 100.0)))
    assert late.groups.tolist() == [1, 1, 1, 0, 0, 0]
    assert path.gone(path.steps_to(path.cost[2]), 2).tolist() == [2, 0]
    assert path.steps_to(0.0) == len(path.groups)


def test_wide_layers_lose_filters_by_eights() -> None:
    widths = (100, 20, 64)
    costs = chain((*widths, 2), (9.0, 4.0, 4.0, 1.0))
    edges = np.cumsum([3, *widths])
    orders = [np.arange(edges[place], edges[place + 1]) for place in range(3)]
    rng = np.random.default_rng(4)
    residuals = [
        np.concatenate([np.sort(rng.exponential(size=len(order)))[::-1].cumsum()[::-1], [0.0]])
        for order in orders
    ]
    selections = [Selection(*one) for one in zip(orders, residuals, strict=True)]
    path = narrowing(selections, [1, 3, 5], costs)
    kept = np.ones(int(edges[-1]) + 2, bool)
    for steps in range(len(path.groups) + 1):
        left = np.array(widths) - path.gone(steps, 3)
        for order, count in zip(orders, left, strict=True):
            kept[order[count:]] = False
        assert path.cost[steps] == pytest.approx(costs.total(kept))
        stays = sum(one[count] for one, count in zip(residuals, left, strict=True))
        assert path.residual[steps] == pytest.approx(stays)
        assert left[0] in {100, 1} or left[0] % 8 == 0
        assert left[2] in {64, 5} or left[2] % 8 == 0
    assert left.tolist() == [1, 3, 5]
    assert set(path.sizes[path.groups == 1].tolist()) == {1}


def test_what_does_no_damage_goes_first() -> None:
    costs = chain((3, 3, 2), (1.0, 1.0, 1.0))
    useful = Selection(np.arange(3, 6), np.array([3.0, 2.0, 1.0, 0.0]))
    idle = Selection(np.arange(6, 9), np.array([3.0, 0.0, 0.0, 0.0]))
    assert narrowing([useful, idle], [1, 1], costs).groups[:2].tolist() == [1, 1]
