"""Scores of rows that come one after another, against the definition written out with NumPy."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from reactcnn_dash.analysis import SAMPLE, WARM_UP
from reactcnn_dash.db import Layer
from reactcnn_dash.results.deviations.scorer import Scorer
from tests.analysis.layers import Network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Rows = NDArray[np.float32]
    Matrix = NDArray[np.float64]

WIDTHS = (9, 12, 7)
OFFSETS = np.cumsum([0, *WIDTHS])
LAYERS = tuple(
    Layer(position, f"conv{position}", "Conv2D", "relu", width, 4, 4, int(OFFSETS[position]))
    for position, width in enumerate(WIDTHS)
)


def rows_of(count: int, seed: int = 3) -> Rows:
    rows = np.concatenate(Network(widths=WIDTHS).rows(count, seed=seed), axis=1).astype(np.float32)
    # Some images are really odd: single values that nothing explains.
    rows[5::97, 13] *= 3
    return rows


def distances(rows: Matrix, fitted: Matrix) -> Iterator[Matrix]:
    """The squared distance of each row in each layer, by what is usual for other rows."""
    before: tuple[Matrix, Matrix] | None = None
    for start, stop in pairwise(OFFSETS.tolist()):
        both = []
        for part in (rows[:, start:stop], fitted[:, start:stop]):
            level = np.sqrt(np.abs(part).mean(axis=1, keepdims=True))
            both.append(np.sign(part) * np.sqrt(np.abs(part)) / level)
        center, scale = both[1].mean(axis=0), both[1].std(axis=0)
        scale = np.maximum(scale, 0.1 * np.sqrt(np.mean(scale**2)))
        own, usual = ((one - center) / scale for one in both)
        residual, new = usual, own
        if before is not None:
            penalised = LedoitWolf(assume_centered=True).fit(before[1]).covariance_
            coefficients = np.linalg.solve(penalised, before[1].T @ usual / len(usual))
            residual, new = usual - before[1] @ coefficients, own - before[0] @ coefficients
        precision = np.linalg.inv(LedoitWolf().fit(residual).covariance_)
        yield np.einsum("ij,jk,ik->i", new, precision, new)
        before = own, usual


def truth(rows: Rows, sample: int) -> Matrix:
    """The score of every row: by a profile of every other of the first ``sample`` rows."""
    whole = np.asarray(np.isfinite(rows).all(axis=1))
    chosen = np.flatnonzero(whole[:sample])
    found = np.full(len(rows), np.inf)
    for half in (0, 1):
        fitted, calibrating = chosen[half::2], chosen[1 - half :: 2]
        # What comes after the sample is scored by the profile of the rows at even places.
        after = np.flatnonzero(whole) if half == 0 else chosen
        scored = np.concatenate([calibrating, after[after >= sample]])
        values = rows.astype(np.float64)
        strangeness = []
        for distance in distances(values[scored], values[fitted]):
            usual = np.log(distance[: len(calibrating)])
            least = np.exp(usual.min()) / 2
            strangeness.append((np.log(np.maximum(distance, least)) - usual.mean()) / usual.std())
        found[scored] = np.log(np.mean(np.exp(strangeness), axis=0))
    return found


def scored(rows: Rows, batch: int, *, keep_up: bool = True) -> Scorer:
    scorer = Scorer(LAYERS)
    for start in range(0, len(rows), batch):
        scorer.add(rows[start : start + batch])
        if keep_up and scorer.due:
            scorer.learn(scorer.due)
        if scorer.waiting >= 50:
            scorer.score()
    scorer.finish()
    return scorer


@pytest.mark.parametrize("count", [64, 401, 1500, SAMPLE, SAMPLE + 300])
def test_the_last_scores_are_those_that_the_whole_run_gives(count: int) -> None:
    rows = rows_of(count)
    found = scored(rows, 64).scores()
    assert found is not None
    assert (found.profile, len(found.scores)) == (min(count, SAMPLE), count)
    np.testing.assert_allclose(found.scores, truth(rows, SAMPLE), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("batch", [1, 7, 1000, 10_000])
def test_how_images_come_changes_nothing(batch: int) -> None:
    rows = rows_of(SAMPLE + 200)
    expected, found = scored(rows, 64).scores(), scored(rows, batch, keep_up=batch != 7).scores()
    assert expected is not None
    assert found is not None
    assert found.extent == expected.extent
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found.usual, expected.usual, rtol=1e-3, atol=1e-3)
    assert found.odd(0.01).tolist() == expected.odd(0.01).tolist()


def test_before_the_end_scores_are_by_the_profile_that_there_is() -> None:
    rows, scorer = rows_of(900), Scorer(LAYERS)
    scorer.add(rows[:500])
    assert scorer.due == 0
    assert scorer.scores() is None
    scorer.add(rows[500:700])
    assert scorer.due == WARM_UP
    scorer.learn(WARM_UP)
    first = scorer.scores()
    assert first is not None
    assert first.extent == (WARM_UP, 700)
    np.testing.assert_allclose(first.scores, truth(rows[:700], WARM_UP), rtol=2e-3, atol=2e-3)
    scorer.add(rows[700:])
    assert (scorer.due, scorer.waiting) == (0, 200)
    scorer.score()
    later = scorer.scores()
    assert later is not None
    np.testing.assert_array_equal(later.scores[:700], first.scores)
    np.testing.assert_allclose(later.scores, truth(rows, WARM_UP), rtol=2e-3, atol=2e-3)
    scorer.finish()
    last = scorer.scores()
    assert last is not None
    np.testing.assert_allclose(last.scores, truth(rows, SAMPLE), rtol=2e-3, atol=2e-3)


def test_rows_without_numbers_are_odd_and_damaged_ones_unknown() -> None:
    rows = rows_of(700)
    for ordinal, value in ((3, np.nan), (90, np.inf), (650, -np.inf), (200, np.nan), (699, np.nan)):
        rows[ordinal, 4] = value
    scorer = Scorer(LAYERS)
    scorer.add(rows[:300], [200])
    scorer.add(rows[300:], [699])
    scorer.learn(scorer.due)
    before = scorer.scores()
    scorer.finish()
    found = scorer.scores()
    assert before is not None
    assert found is not None
    for one in (before, found):
        assert np.flatnonzero(np.isposinf(one.scores)).tolist() == [3, 90, 650]
        assert np.flatnonzero(np.isnan(one.scores)).tolist() == [200, 699]
    expected = truth(rows, SAMPLE)
    usable = np.isfinite(expected)
    np.testing.assert_allclose(found.scores[usable], expected[usable], rtol=2e-3, atol=2e-3)


def test_what_was_scored_before_an_interruption_is_not_scored_again() -> None:
    rows = rows_of(SAMPLE + 400)
    whole = scored(rows, 64).scores()
    assert whole is not None
    again = Scorer(LAYERS)
    again.add(rows[:SAMPLE])
    again.skip(whole.scores[SAMPLE : SAMPLE + 250])
    again.add(rows[SAMPLE + 250 :])
    again.finish()
    found = again.scores()
    assert found is not None
    np.testing.assert_allclose(found.scores, whole.scores, rtol=1e-3, atol=1e-3)


def test_without_enough_usable_images_there_are_no_scores() -> None:
    rows = rows_of(600)
    rows[60:, 0] = np.nan
    found = scored(rows, 64)
    assert found.scores() is None
    few = scored(rows_of(63), 64)
    assert few.scores() is None
