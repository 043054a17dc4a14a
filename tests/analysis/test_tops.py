"""Top images against sorting all of them."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reactcnn_dash.analysis.tops import BY_CLASS, OVERALL, TopImages


def expected(values: np.ndarray, chosen: np.ndarray, most: int) -> list[tuple[int, float]]:
    """Highest value first, equal ones by ordinal."""
    pairs = [(k, float(values[k])) for k in np.flatnonzero(chosen & np.isfinite(values)).tolist()]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:most]


@given(
    seed=st.integers(0, 10_000),
    images=st.integers(0, 60),
    cuts=st.lists(st.integers(0, 60), max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_what_is_kept_is_what_sorting_gives(seed: int, images: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    # Few different values, so that many are equal; signs and values that are not finite as well.
    rows = (rng.integers(-3, 4, (images, 5)) / 3).astype(np.float32)
    rows[rng.random(rows.shape) < 0.05] = np.nan
    classes = rng.integers(-1, 3, images)
    tops = TopImages.empty(5, 3)
    edges = [0, *sorted(min(cut, images) for cut in cuts), images]
    for start, stop in itertools.pairwise(edges):
        part = slice(start, stop)
        tops.add(np.arange(start, stop), rows[part], classes[part])
    for f in range(5):
        found = [(top.ordinal, top.value) for top in tops.of(f)]
        assert found == expected(rows[:, f], np.ones(images, bool), OVERALL)
        for number in range(3):
            found = [(top.ordinal, top.value) for top in tops.of(f, number)]
            assert found == expected(rows[:, f], classes == number, BY_CLASS)


def test_it_goes_on_from_its_arrays() -> None:
    rows = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    whole, first = TopImages.empty(3, 1), TopImages.empty(3, 1)
    classes = np.zeros(40, int)
    whole.add(np.arange(40), rows, classes)
    first.add(np.arange(25), rows[:25], classes[:25])
    later = TopImages(first.overall, first.by_class)
    later.add(np.arange(25, 40), rows[25:], classes[25:])
    assert later.of(2) == whole.of(2)
    assert later.of(1, 0) == whole.of(1, 0)
