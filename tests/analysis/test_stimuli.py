"""Filters that rise with a colour, with light or with contrast: planted, against NumPy's own r."""

from __future__ import annotations

import numpy as np
import pytest

from reactcnn_dash.analysis.stimuli import STIMULI, measured, most_driven

PURE = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
}


@pytest.mark.parametrize("colour", PURE)
def test_a_pure_colour_is_all_of_it_and_none_of_the_others(colour: str) -> None:
    found = measured(np.full((4, 5, 3), PURE[colour], np.uint8))
    values = dict(zip(STIMULI, found.tolist(), strict=True))
    assert values[colour] == 1
    assert all(values[other] == 0 for other in PURE if other != colour)


def test_grey_has_no_colour_and_halves_have_contrast() -> None:
    halves = np.zeros((4, 4, 1), np.uint8)
    halves[:2] = 255
    assert dict(zip(STIMULI, measured(halves).tolist(), strict=True)) == {
        **dict.fromkeys(PURE, 0.0),
        "light": 0.5,
        "contrast": 0.5,
    }
    assert measured(np.repeat(halves, 3, axis=2)).tolist() == measured(halves).tolist()


def planted(column: int, sign: int = 1, images: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """(n, 40) rows of which filter 17 goes with a stimulus, and (n, 6) stimuli."""
    rng = np.random.default_rng(column)
    stimuli = rng.random((images, len(STIMULI)))
    rows = rng.gamma(2.0, 1.0, (images, 40))
    rows[:, 17] = 3 + sign * stimuli[:, column] + 0.1 * rng.standard_normal(images)
    return rows, stimuli


@pytest.mark.parametrize("stimulus", [*STIMULI, "dark"])
def test_the_planted_filter_is_found_with_its_r(stimulus: str) -> None:
    column = STIMULI.index("light" if stimulus == "dark" else stimulus)
    rows, stimuli = planted(column, -1 if stimulus == "dark" else 1)
    rows[3, 5] = np.nan
    stimuli[9, 0] = np.nan
    found = most_driven(rows, stimuli)
    assert found is not None
    assert (found.filter, found.stimulus, found.images) == (17, stimulus, 198)
    kept = np.delete(np.arange(200), [3, 9])
    r = np.corrcoef(rows[kept, 17], stimuli[kept, column])[0, 1]
    assert found.r == pytest.approx(abs(r))


def test_a_filter_that_falls_with_a_colour_answers_to_none() -> None:
    assert most_driven(*planted(STIMULI.index("red"), -1)) is None


def test_unrelated_filters_constant_ones_and_few_images_answer_to_nothing() -> None:
    rng = np.random.default_rng(0)
    stimuli = rng.random((256, len(STIMULI)))
    assert most_driven(rng.gamma(2.0, 1.0, (256, 4000)), stimuli) is None
    assert most_driven(np.full((256, 3), 2.0), stimuli) is None
    rows, few = planted(0, images=12)
    assert most_driven(rows, few) is None
    assert most_driven(rows[:0], few[:0]) is None


def test_one_outlier_makes_no_colour() -> None:
    rng = np.random.default_rng(0)
    rows, stimuli = rng.random((200, 10)), rng.random((200, len(STIMULI)))
    rows[40, 2], stimuli[40, 0] = 500, 500
    assert np.corrcoef(rows[:, 2], stimuli[:, 0])[0, 1] > 0.99
    assert most_driven(rows, stimuli) is None
