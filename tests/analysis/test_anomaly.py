"""Scores, thresholds and suspects, against planted oddities and the false alarms promised."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from reactcnn_dash.analysis import (
    Profile,
    TooFewRows,
    fit_halves,
    fit_profile,
    oddness,
    score_threshold,
    suspects,
)
from tests.analysis.layers import Break, Matrix, Network


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(widths=(32, 48, 40, 36))


@pytest.fixture(scope="module")
def profile(network: Network) -> Profile:
    """Of 2,000 usual images."""
    return fit_profile(network.rows(2_000, seed=1))


def test_an_image_on_which_a_layer_breaks_is_odd_there_and_not_before(
    network: Network, profile: Profile
) -> None:
    usual = oddness(profile, network.rows(1_000, seed=2))
    odd = oddness(profile, network.rows(1_000, seed=2, broken=Break(2, 5, factor=8.0)))
    truth = np.repeat([0, 1], 1_000)
    assert roc_auc_score(truth, np.concatenate([usual.score, odd.score])) > 0.9
    np.testing.assert_array_equal(odd.strangeness[:, :2], usual.strangeness[:, :2])
    assert np.mean(odd.strangeness[:, 2] - usual.strangeness[:, 2]) > 3.0
    assert np.median(odd.tail[:, 2]) < 0.02


def test_how_images_are_cut_into_batches_changes_nothing(network: Network) -> None:
    profile = fit_profile(network.rows(300, seed=1))
    rows = network.rows(50, seed=2)
    whole = oddness(profile, rows)
    parts = [oddness(profile, [layer[i : i + 1] for layer in rows]) for i in range(50)]
    np.testing.assert_allclose(np.concatenate([p.score for p in parts]), whole.score, rtol=1e-9)
    np.testing.assert_array_equal(np.concatenate([p.tail for p in parts]), whole.tail)


def test_an_image_without_numbers_is_odd_from_that_layer_on(network: Network) -> None:
    profile = fit_profile(network.rows(300, seed=1))
    rows = network.rows(3, seed=2)
    clean = oddness(profile, rows)
    rows[1][1, 4] = np.nan
    rows[2][1, :] = np.inf
    found = oddness(profile, rows)
    assert found.score[1] == np.inf
    assert (found.strangeness[1, 1:] == np.inf).all()
    assert found.strangeness[1, 0] == clean.strangeness[1, 0]
    np.testing.assert_allclose(found.score[[0, 2]], clean.score[[0, 2]])


def test_scores_of_the_sample_itself_are_those_of_fresh_images() -> None:
    network = Network(widths=(20, 60, 60))
    rows = network.rows(401, seed=1)
    dirty = [layer.copy() for layer in rows]
    dirty[0][7, 3] = np.nan
    found = fit_halves(dirty, whole=False).scores
    assert found[7] == np.inf
    rest = np.delete(found, 7)
    fresh = oddness(fit_profile(rows), network.rows(2_000, seed=2)).score
    assert stats.ks_2samp(rest, fresh).pvalue > 0.001
    assert stats.ks_2samp(rest[::2], rest[1::2]).pvalue > 0.001
    with pytest.raises(TooFewRows):
        fit_halves([layer[:63] for layer in rows], whole=False)


@given(n=st.integers(1, 300), rate=st.floats(0.001, 0.9), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_a_threshold_is_the_smallest_that_keeps_the_rate(*, n: int, rate: float, seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=n)
    threshold = score_threshold(scores, rate)
    # Among n + 1 exchangeable scores the next one is above with probability at most this.
    assert (1 + np.sum(scores > threshold)) / (n + 1) <= rate + 1e-6 or threshold == math.inf
    if threshold == math.inf:
        assert 1 / (n + 1) > rate - 1e-6
    else:
        assert (1 + np.sum(scores >= threshold)) / (n + 1) > rate - 1e-6


@pytest.mark.parametrize(("n", "rate", "rank"), [(19, 0.05, 19), (99, 0.05, 95), (9, 0.5, 5)])
def test_round_rates_give_the_rank_on_paper(n: int, rate: float, rank: int) -> None:
    assert score_threshold(np.arange(1.0, n + 1), rate) == rank


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0, math.nan])
def test_a_rate_is_a_probability(rate: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        score_threshold([1.0], rate)


@pytest.mark.long
def test_usual_images_are_called_odd_as_often_as_was_said(network: Network) -> None:
    alarms = []
    for seed in range(20):
        profile = fit_profile(network.rows(400, seed=10 + seed))
        threshold = score_threshold(profile.scores, 0.1)
        alarms.append(
            np.mean(oddness(profile, network.rows(500, seed=50 + seed)).score > threshold)
        )
    assert np.mean(alarms) == pytest.approx(0.1, abs=0.025)


@pytest.mark.parametrize(("layer", "number"), [(0, 3), (1, 11), (2, 5), (3, 15)])
def test_the_filter_that_broke_on_an_image_is_the_first_suspect(
    network: Network, profile: Profile, layer: int, number: int
) -> None:
    rows = network.rows(200, seed=2)
    # Only this value is wrong: what comes after never saw it.
    rows[layer][:, number] = 2.0 * rows[layer].max(axis=1)
    named = [suspects(profile, [one[i] for one in rows], most=3) for i in range(200)]
    assert all(len(one) <= 3 for one in named)
    first = [one[0] for one in named if one]
    right = [one for one in first if (one.layer, one.filter) == (layer, number)]
    assert len(right) > 180
    assert all(one.deviation > 3.0 for one in right)


def test_usual_images_have_few_suspects(network: Network, profile: Profile) -> None:
    rows = network.rows(200, seed=2)
    counts = [len(suspects(profile, [one[i] for one in rows], least=6.0)) for i in range(200)]
    assert np.mean(counts) < 0.1


def test_other_layers_are_refused(network: Network) -> None:
    profile = fit_profile(network.rows(300, seed=1))
    wrong: list[Matrix] = network.rows(5, seed=2)[:3]
    with pytest.raises(ValueError, match="The profile is of layers of"):
        oddness(profile, wrong)
