"""Broken layers and filters, planted in hand-made networks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactcnn_dash.analysis import Profile, fit_profile, locate_fault
from reactcnn_dash.analysis.fault import SAME
from tests.analysis.layers import Break, Matrix, Network

WIDTHS = (12, 20, 24, 16)
NETWORK = Network(widths=WIDTHS)


@pytest.fixture(scope="module")
def profile() -> Profile:
    return fit_profile(NETWORK.rows(4_000, seed=1))


BREAKS = [
    Break(0, 3, factor=0.0),
    Break(1, 7, factor=2.0),
    Break(2, 20, factor=0.5),
    Break(3, 9, noise=0.4),
    Break(1, 0, other=13),
    Break(2, 4, other=5),
    Break(0, 11, noise=0.4),
    Break(3, 2, factor=0.0),
]


@pytest.mark.parametrize("broken", BREAKS)
def test_other_images_are_enough_to_find_it(profile: Profile, broken: Break) -> None:
    found = locate_fault(NETWORK.rows(500, seed=2, broken=broken), profile)
    assert found.first == found.ranking[0] == broken.layer
    wanted = {broken.filter} | ({broken.other} if broken.other is not None else set())
    top = [number for number, _ in found.filters(broken.layer, len(wanted))]
    assert wanted & set(top)
    assert found.images == 500


@given(layer=st.integers(0, 3), data=st.data(), factor=st.sampled_from([0.0, 0.9, 1.1, 3.0]))
@settings(max_examples=40, deadline=None)
def test_the_same_images_show_it_exactly(*, layer: int, data: st.DataObject, factor: float) -> None:
    number = data.draw(st.integers(0, WIDTHS[layer] - 1))
    good = NETWORK.rows(60, seed=3)
    bad = NETWORK.rows(60, seed=3, broken=Break(layer, number, factor=factor))
    found = locate_fault([rows.astype(np.float32) for rows in bad], good)
    assert found.first == layer
    assert found.filters(layer, 1)[0][0] == number
    assert found.ranking[0] == layer
    others = np.delete(found.scores[layer], number)
    assert (others < SAME).all()


def test_layers_are_ranked_in_the_order_of_the_network_not_by_size() -> None:
    good = NETWORK.rows(100, seed=3)
    bad = [rows.copy() for rows in good]
    bad[1][:, 2] *= 1.02
    bad[3][:, 5] *= 50.0
    found = locate_fault(bad, good)
    assert found.ranking[:2] == (1, 3)
    assert found.first == 1


@pytest.mark.parametrize("noise", [1e-7, 1e-5])
def test_rounding_is_no_fault(noise: float) -> None:
    rng = np.random.default_rng(4)
    good = NETWORK.rows(100, seed=3)
    bad = [rows * (1 + noise * rng.normal(size=rows.shape)) for rows in good]
    assert locate_fault(bad, good).first is None
    assert locate_fault(good, good).first is None


def test_dead_filters_that_wake_up_are_found(profile: Profile) -> None:
    good = NETWORK.rows(2_000, seed=1)
    good[1][:, 6] = 0.0
    bad = NETWORK.rows(300, seed=2)
    bad[1][:, 6] = 0.0
    quiet = fit_profile(good)
    assert locate_fault(bad, quiet).first is None
    bad[1][:, 6] = 0.2
    found = locate_fault(bad, quiet)
    assert found.first == 1
    assert found.filters(1, 1)[0][0] == 6


@pytest.mark.parametrize("against", ["rows", "profile"])
def test_values_that_are_not_finite_name_their_filter(profile: Profile, against: str) -> None:
    good = NETWORK.rows(50, seed=3)
    bad = [rows.copy() for rows in good]
    bad[2][10, 8] = np.nan
    bad[3][10] = np.nan
    found = locate_fault(bad, profile if against == "profile" else good)
    assert found.first == 2
    assert found.filters(2, 1) == ((8, np.inf),)


def test_a_healthy_run_is_rarely_called_broken(profile: Profile) -> None:
    alarms = [locate_fault(NETWORK.rows(300, seed=s), profile).first for s in range(100, 160)]
    assert sum(first is not None for first in alarms) <= 4


def test_another_network_parts_in_its_first_layer(profile: Profile) -> None:
    other = Network(seed=7, widths=WIDTHS).rows(100, seed=3)
    assert locate_fault(other, NETWORK.rows(100, seed=3)).first == 0
    assert locate_fault(other, profile).first == 0


def test_runs_that_do_not_fit_are_refused(profile: Profile) -> None:
    rows: list[Matrix] = NETWORK.rows(20, seed=3)
    with pytest.raises(ValueError, match="same layers and the same images"):
        locate_fault(rows, [layer[:-1] for layer in rows])
    with pytest.raises(ValueError, match="same layers and the same images"):
        locate_fault(rows, rows[:-1])
    with pytest.raises(ValueError, match="The profile is of layers of"):
        locate_fault(rows[:-1], profile)
    with pytest.raises(ValueError, match="at least one image"):
        locate_fault([layer[:0] for layer in rows], profile)
    with pytest.raises(ValueError, match="at least one image"):
        locate_fault([], profile)


def test_images_that_the_good_run_gave_no_numbers_for_prove_nothing() -> None:
    good = NETWORK.rows(40, seed=3)
    bad = [rows.copy() for rows in good]
    good[2][:20] = np.nan
    bad[2][:20] = 5.0
    assert locate_fault(bad, good).first is None
    good[2][:] = np.nan
    assert locate_fault(bad, good).first is None
