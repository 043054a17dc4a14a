"""The work of filters that go, handed over, against NumPy's own least squares."""

from __future__ import annotations

import numpy as np
import pytest

from reactcnn_dash.analysis import CoMoments, Received, hand_over, lossless_filters
from reactcnn_dash.analysis.handover import EXACT


def halves(x: np.ndarray) -> tuple[CoMoments, CoMoments]:
    return CoMoments.of(x[::2]), CoMoments.of(x[1::2])


def received(x: np.ndarray, weights: np.ndarray, constant: float = 0.0) -> Received:
    """What a consumer of all filters with a matrix of weights receives."""
    squares = weights**2
    energy = (x**2).mean(axis=0) @ squares
    share = np.divide(squares, energy, out=np.zeros_like(squares), where=energy > 0)
    return Received(np.arange(x.shape[1]), *halves(x), constant, share.max(axis=1))


def staying(*seen: Received, fixed: tuple[int, ...] = (), layers: int = 1) -> list[int]:
    filters = np.setdiff1d(np.arange(len(seen[0].filters)), fixed)
    found = lossless_filters(seen, filters, filters % layers, np.array(fixed, np.intp))
    return [int(one) for one in found]


def rows(count: int, filters: int, seed: int = 1) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, filters)) + generator.uniform(-2, 2, filters)


def test_exact_sums_are_handed_over_exactly_however_strong_or_alike_the_others_are() -> None:
    x = rows(400, 6)
    x[:, 1] *= 1e-4
    # 3 hardly differs from 2, and what they differ by matters.
    x[:, 3] = x[:, 2] + 1e-2 * x[:, 3]
    sums = np.array([[0, 1.0, 0, 0], [0, 0, 30.0, -30.0], [0.5, 1e3, -1.0, 0.25]]).T
    x = np.hstack([x[:, :4], x[:, :4] @ sums + [0.0, 7.0, 0.5]])
    gone, kept = np.arange(4, 7), np.arange(4)
    found = hand_over(*halves(x), gone, kept)
    other = rows(50, 6, seed=2)
    other[:, 1] *= 1e-4
    other[:, 3] = other[:, 2] + 1e-2 * other[:, 3]
    wanted = other[:, :4] @ sums + [0.0, 7.0, 0.5]
    given = other[:, :4] @ found.shares.T + found.constants
    assert (np.abs(given - wanted) <= 3e-6 * np.abs(wanted).max(axis=0)).all()
    assert (found.missed <= 1e-10 * x[:, gone].var(axis=0)).all()


def test_what_few_images_happen_to_say_is_not_believed() -> None:
    x = rows(24, 41)
    found = hand_over(*halves(x), np.array([40]), np.arange(40))
    other = rows(500, 41, seed=1)[24:]
    missed = other[:, 40] - other[:, :40] @ found.shares[0] - found.constants[0]
    plain = np.linalg.lstsq(x[:, :40] - x[:, :40].mean(axis=0), x[:, 40] - x[:, 40].mean())[0]
    assert (missed**2).mean() < 1.3 * other[:, 40].var()
    assert (np.abs(plain).sum()) > 2 * np.abs(found.shares).sum()


def test_a_copy_is_known_with_fewer_images_than_filters() -> None:
    x = rows(24, 41)
    x[:, 40] = -2.0 * x[:, 7]
    found = hand_over(*halves(x), np.array([40]), np.arange(40))
    assert found.shares[0, 7] == pytest.approx(-2.0)
    assert np.count_nonzero(found.shares) == 1


def test_a_constant_is_given_only_where_the_consumer_carries_it() -> None:
    x = rows(200, 3)
    x[:, 1] = 0.7
    x[:, 2] = x[:, 0] + 2.0
    gone, kept = np.array([2]), np.array([0, 1])
    free = hand_over(*halves(x), gone, kept, 0.0)
    np.testing.assert_allclose(free.shares, [[1.0, 0.0]], atol=1e-6)
    np.testing.assert_allclose(free.constants, [2.0], atol=1e-6)
    for price in (1e-3, 1.0):
        bound = hand_over(*halves(x), gone, kept, price)
        np.testing.assert_allclose(bound.shares, [[1.0, 2.0 / 0.7]], atol=1e-5)
        np.testing.assert_allclose(bound.constants, [0.0], atol=1e-5)
    # With nobody to say it, a constant with a price is missed, and used nevertheless.
    alone = hand_over(*halves(x), np.array([1]), np.array([0]), 1e-3)
    assert alone.constants[0] + alone.shares[0, 0] * x[:, 0].mean() == pytest.approx(0.7)
    assert alone.missed[0] > 0.01
    assert hand_over(*halves(x), np.array([1]), np.array([0]), 0.0).missed[0] < 1e-12


def test_copies_sums_and_the_dead_go_and_what_only_seems_so_stays() -> None:
    x = rows(600, 8)
    x[:, 4] = 1.5 * x[:, 0]
    x[:, 5] = x[:, 1] - 2.0 * x[:, 2] + 0.3 * x[:, 3]
    x[:, 6] = 0.0
    # R² is 0.99999999 here, and an answer shows what is missing.
    x[:, 7] = x[:, 3] + 1e-4 * x[:, 7]
    found = staying(received(x.astype(np.float32).astype(float), np.ones((8, 2))))
    assert len(found) == 5
    assert 6 not in found
    assert {3, 7} <= set(found)


def test_what_a_consumer_makes_next_to_nothing_of_goes_unless_another_one_hears_it() -> None:
    x = rows(600, 4)
    weights = np.ones((4, 3))
    weights[2] = 1e-8
    assert staying(received(x, weights)) == [0, 1, 3]
    # It is all that one of the answers is made of.
    heard = weights.copy()
    heard[:, 1] = [0.0, 0.0, 1e-8, 0.0]
    assert staying(received(x, heard)) == [0, 1, 2, 3]
    assert staying(received(x, weights), received(x, np.ones((4, 1)))) == [0, 1, 2, 3]


def test_few_images_do_not_make_filters_redundant() -> None:
    x = rows(20, 30)
    x[:, 29] = x[:, 3]
    found = staying(received(x, np.ones((30, 2))))
    assert len(found) == 29
    assert {3, 29} - set(found)


def test_constants_go_where_the_bias_says_them_and_stay_where_borders_would_show_it() -> None:
    x = rows(200, 4)
    x[:, 2] = 0.7
    ones = np.ones((4, 2))
    assert staying(received(x, ones)) == [0, 1, 3]
    assert staying(received(x, ones, 1e-3)) == [0, 1, 2, 3]
    x[:, 3] = 2.1
    assert len(staying(received(x, ones, 1e-3))) == 3


def test_fixed_filters_explain_and_every_layer_keeps_one() -> None:
    x = rows(300, 5)
    x[:, 1] = x[:, 0]
    x[:, 3] = x[:, 0]
    x[:, 4] = 0.0
    ones = np.ones((5, 2))
    assert staying(received(x, ones), fixed=(0,)) == [2]
    found = staying(received(x, ones), fixed=(0,), layers=2)
    assert len(found) == 2
    assert {one % 2 for one in found} == {0, 1}


def test_the_tolerance_is_that_of_single_precision() -> None:
    assert 1e-13 < EXACT < 1e-11
