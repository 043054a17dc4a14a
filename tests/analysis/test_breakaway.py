"""Filters that left their cluster, planted by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from reactcnn_dash.analysis import NO_CLUSTER, TooFewRows, fit_mates

if TYPE_CHECKING:
    from tests.analysis.layers import Matrix

LABELS = np.array([0] * 13 + [1] * 6 + [2] * 3 + [NO_CLUSTER] * 2)


def clustered(images: int, seed: int) -> Matrix:
    """GAP rows of a cluster of 13, one of 6, one of 3 that do not move together, and 2 alone."""
    rng = np.random.default_rng(seed)
    drive = np.exp(0.5 * rng.normal(size=(images, 2)))
    rows = np.exp(0.1 * rng.normal(size=(images, len(LABELS))))
    rows[:, :13] *= drive[:, [0]]
    rows[:, 13:19] *= drive[:, [1]]
    rows[:, 19:] *= np.exp(0.5 * rng.normal(size=(images, 5)))
    return rows


def test_a_filter_that_leaves_is_named_with_its_mates_and_what_they_say() -> None:
    mates = fit_mates(clustered(2_000, 1), LABELS)
    rows = clustered(200, 2)
    truth = rows[:, 4].copy()
    rows[:, 4] = 3.0 * truth
    named = [mates.breakaways(row) for row in rows]
    assert np.mean([bool(one) and one[0].filter == 4 for one in named]) > 0.95
    assert np.mean([len(one) for one in named]) < 1.1
    first = [one[0] for one in named if one and one[0].filter == 4]
    assert {(one.cluster, one.mates) for one in first} == {(0, 12)}
    assert all(one.explained > 0.5 and one.deviation > 0 for one in first)
    expected = [one[0].expected for one in named if one and one[0].filter == 4]
    kept = [bool(one) and one[0].filter == 4 for one in named]
    np.testing.assert_allclose(np.log(expected), np.log(truth[kept]), atol=0.5)
    np.testing.assert_allclose([one.found for one in first], rows[kept, 4])


def test_two_that_leave_are_both_named() -> None:
    mates = fit_mates(clustered(2_000, 1), LABELS)
    rows = clustered(100, 2)
    rows[:, 4] *= 4.0
    rows[:, 15] /= 6.0
    named = [{(one.filter, one.deviation > 0) for one in mates.breakaways(row)} for row in rows]
    assert np.mean([one == {(4, True), (15, False)} for one in named]) > 0.8


def test_only_filters_that_usually_move_with_others_can_break_away() -> None:
    mates = fit_mates(clustered(2_000, 1), LABELS)
    rows = clustered(100, 2)
    rows[:, 20] *= 10.0
    rows[:, 22] *= 10.0
    assert not {one.filter for row in rows for one in mates.breakaways(row)} & {19, 20, 21, 22, 23}


@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_usual_images_name_a_filter_as_often_as_was_said(rate: float) -> None:
    alarms = []
    for seed in range(10):
        mates = fit_mates(clustered(1_000, 100 + seed), LABELS)
        alarms += [bool(mates.breakaways(row, rate=rate)) for row in clustered(200, 200 + seed)]
    assert np.mean(alarms) == pytest.approx(rate, abs=0.4 * rate + 0.003)


def test_perfect_duplicates_and_dead_filters_do_no_harm() -> None:
    rows = clustered(400, 1)
    rows[:, 1] = rows[:, 0]
    rows[:, 2] = 0.0
    mates = fit_mates(rows, LABELS)
    assert sum(bool(mates.breakaways(row)) for row in rows[1::2]) <= 0.02 * 200
    odd = rows[1].copy()
    odd[1] *= 1.5
    assert {one.filter for one in mates.breakaways(odd)} & {0, 1}


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(TooFewRows):
        fit_mates(clustered(63, 1), LABELS)
    with pytest.raises(ValueError, match="labels"):
        fit_mates(clustered(100, 1), LABELS[:-1])


def test_nothing_is_named_when_the_rate_is_too_low_to_be_known() -> None:
    mates = fit_mates(clustered(100, 1), LABELS)
    row = clustered(1, 2)[0]
    row[4] *= 50.0
    assert mates.breakaways(row, rate=0.001) == ()
