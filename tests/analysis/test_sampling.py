"""Samples of ordinals: bounded, fair, the same whoever asks, and growing with the run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reactcnn_dash.analysis import SAMPLE, WARM_UP, refit_due, sample_ordinals


@given(stored=st.integers(0, 3_000), size=st.integers(0, 500), seed=st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_a_sample_is_of_the_size_wanted_and_repeatable(
    *, stored: int, size: int, seed: int
) -> None:
    found = sample_ordinals(stored, size, seed=seed)
    assert len(found) == min(stored, size)
    assert (np.diff(found) > 0).all()
    assert not len(found) or 0 <= found[0] <= found[-1] < stored
    np.testing.assert_array_equal(found, sample_ordinals(stored, size, seed=seed))


@given(first=st.integers(1, 2_000), more=st.integers(0, 2_000))
@settings(max_examples=60, deadline=None)
def test_a_longer_run_keeps_of_the_sample_what_it_keeps_room_for(*, first: int, more: int) -> None:
    before = set(sample_ordinals(first, 100).tolist())
    after = set(sample_ordinals(first + more, 100).tolist())
    assert {ordinal for ordinal in after if ordinal < first} <= before


def test_every_part_of_a_run_is_represented() -> None:
    found = sample_ordinals(100_000, SAMPLE)
    counts, _ = np.histogram(found, bins=20, range=(0, 100_000))
    assert stats.chisquare(counts).pvalue > 0.001
    assert stats.chisquare(np.bincount(found % 2, minlength=2)).pvalue > 0.001


def test_seeds_give_different_samples() -> None:
    one, other = sample_ordinals(10_000, 100, seed=1), sample_ordinals(10_000, 100, seed=2)
    assert len(np.intersect1d(one, other)) < 20


def test_a_run_is_described_again_when_it_has_doubled_until_the_sample_is_full() -> None:
    fitted, made = 0, []
    for stored in range(0, 20_000, 64):
        if refit_due(stored, fitted):
            fitted = stored
            made.append(stored)
    assert made == [512, 1024, 2048, 4096]


@pytest.mark.parametrize(
    ("stored", "fitted", "due"),
    [(WARM_UP - 1, 0, False), (WARM_UP, 0, True), (50_000, 3_000, True), (50_000, SAMPLE, False)],
)
def test_when_it_is_due(stored: int, fitted: int, due: bool) -> None:
    assert refit_due(stored, fitted) is due
