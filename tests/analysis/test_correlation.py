"""Streaming correlation against numpy.corrcoef on the raw rows."""

import itertools
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reactcnn_dash.analysis import Accumulator, CoMoments, TooFewImages, correlation

Rows = npt.NDArray[np.float64]


def gap_rows(seed: int, images: int, filters: int) -> Rows:
    """Correlated rows like a layer's, each filter with its own scale and large offset."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(images, 3)) @ rng.normal(size=(3, filters))
    rows = hidden + rng.normal(size=(images, filters))
    scale = 10.0 ** rng.uniform(-6, 6, filters)
    offset = 10.0 ** rng.uniform(-3, 5, filters) * rng.choice([-1.0, 1.0], filters)
    result: Rows = (rows + offset) * scale
    return result


def assert_same(a: CoMoments, b: CoMoments) -> None:
    """Equal up to rounding: in units of each filter's own size, which may differ by 10¹²."""
    assert a.n == b.n
    size = np.maximum(np.abs(a.low), np.abs(a.high))
    spread = np.sqrt(np.diagonal(a.comoment))
    spread = np.where(spread > 0, spread, 1.0)
    np.testing.assert_allclose(a.mean / size, b.mean / size, rtol=0, atol=1e-14)
    np.testing.assert_allclose(
        a.comoment / np.outer(spread, spread),
        b.comoment / np.outer(spread, spread),
        rtol=0,
        atol=1e-10,
    )
    np.testing.assert_array_equal(a.low, b.low)
    np.testing.assert_array_equal(a.high, b.high)


def cuts(draw: st.DrawFn, length: int) -> list[int]:
    inner = draw(st.lists(st.integers(0, length), max_size=6))
    return [0, *sorted(inner), length]


@st.composite
def rows_in_parts(draw: st.DrawFn) -> tuple[Rows, list[Rows]]:
    images, filters = draw(st.integers(2, 200)), draw(st.integers(1, 12))
    rows = gap_rows(draw(st.integers(0, 2**32 - 1)), images, filters)
    edges = cuts(draw, images)
    return rows, [rows[a:b] for a, b in itertools.pairwise(edges)]


def merged(parts: list[Rows]) -> CoMoments:
    state = CoMoments.empty(parts[0].shape[1])
    for part in parts:
        state = state.merge(CoMoments.of(part))
    return state


@given(rows_in_parts())
def test_any_split_gives_what_numpy_gives_on_the_raw_rows(case: tuple[Rows, list[Rows]]) -> None:
    rows, parts = case
    expected = np.atleast_2d(np.corrcoef(rows, rowvar=False))
    np.testing.assert_allclose(correlation(merged(parts)).r, expected, rtol=0, atol=1e-10)


@given(rows_in_parts(), st.integers(1, 80), st.data())
def test_accumulating_in_place_gives_what_numpy_gives(
    case: tuple[Rows, list[Rows]], block: int, data: st.DataObject
) -> None:
    rows, parts = case
    sums = Accumulator(rows.shape[1], block=block)
    for part in parts:
        sums.add(part)
        if data.draw(st.booleans()):
            sums.state()
    state = sums.state()
    assert_same(state, CoMoments.of(rows))
    np.testing.assert_array_equal(state.comoment, state.comoment.T)
    expected = np.atleast_2d(np.corrcoef(rows, rowvar=False))
    np.testing.assert_allclose(correlation(state).r, expected, rtol=0, atol=1e-10)


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(2, 12), st.integers(1, 5)),
        elements=st.floats(-(2.0**60), 2.0**60, width=32),
    ),
    st.data(),
)
def test_arbitrary_values_agree_with_numpy_or_are_undefined(
    rows: npt.NDArray[np.float32], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    found = correlation(CoMoments.of(rows[:cut]).merge(CoMoments.of(rows[cut:])))
    exact = rows.astype(np.float64)
    constant = (exact == exact[0]).all(axis=0)
    np.testing.assert_array_equal(found.constant, constant)
    np.testing.assert_array_equal(found.dead, (exact == 0).all(axis=0))
    assert np.isnan(found.r[constant]).all()
    assert np.isnan(found.r[:, constant]).all()
    # Where the spread drowns in the offset no float64 method has ten digits to agree on.
    sound = exact.std(axis=0) > 1e-5 * np.abs(exact).max(axis=0)
    sound &= exact.std(axis=0) > 1e-100
    if sound.any():
        expected = np.atleast_2d(np.corrcoef(exact[:, sound], rowvar=False))
        np.testing.assert_allclose(found.r[np.ix_(sound, sound)], expected, rtol=0, atol=1e-10)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 40), min_size=3, max_size=3))
def test_merging_is_associative_and_commutative(seed: int, sizes: list[int]) -> None:
    rows = gap_rows(seed, sum(sizes) + 2, 5)
    a, b, c = (CoMoments.of(part) for part in np.split(rows, np.cumsum(sizes)[:2]))
    assert_same(a.merge(b).merge(c), a.merge(b.merge(c)))
    assert_same(a.merge(b).merge(c), c.merge(b).merge(a))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1))
def test_rows_that_are_not_finite_are_left_out(seed: int, pattern: int) -> None:
    rows = gap_rows(seed, 16, 4)
    bad = np.array([bool(pattern >> k & 1) for k in range(16)])
    spoilt = rows.copy()
    spoilt[bad, seed % 4] = [np.nan, np.inf, -np.inf][seed % 3]
    kept = CoMoments.of(rows[~bad])
    found = CoMoments.of(spoilt)
    assert found.n == 16 - bad.sum()
    np.testing.assert_array_equal(found.comoment, kept.comoment)
    np.testing.assert_array_equal(found.low, kept.low)
    sums = Accumulator(4, block=3)
    sums.add(spoilt)
    if kept.n:
        assert_same(sums.state(), kept)
    else:
        assert sums.state().n == 0


def test_a_run_resumed_at_a_block_is_bit_for_bit_the_uninterrupted_one() -> None:
    rows = gap_rows(1, 300, 40)
    rows[70, 3] = np.nan
    whole = Accumulator(40)
    whole.add(rows)
    first = Accumulator(40)
    first.add(rows[:128])
    second = Accumulator(first.state())
    for start in range(128, 300, 10):
        second.add(rows[start : start + 10])
    a, b = whole.state(), second.state()
    assert a.n == b.n == 299
    np.testing.assert_array_equal(a.mean, b.mean)
    np.testing.assert_array_equal(a.comoment, b.comoment)


@pytest.mark.parametrize("taken", [48, 50], ids=["at a block", "within a block"])
def test_a_state_handed_out_or_in_stays_as_it_was(taken: int) -> None:
    rows = gap_rows(2, 100, 6)
    sums = Accumulator(6, block=8)
    sums.add(rows[:taken])
    middle = sums.state()
    kept = middle.comoment.copy(), middle.mean.copy(), middle.low.copy(), middle.high.copy()
    Accumulator(middle, block=8).add(rows)
    sums.add(rows[taken:])
    for now, before in zip(
        (middle.comoment, middle.mean, middle.low, middle.high), kept, strict=True
    ):
        np.testing.assert_array_equal(now, before)
    given_rows = rows.copy()
    CoMoments.of(given_rows)
    Accumulator(6, block=8).add(given_rows)
    np.testing.assert_array_equal(given_rows, rows)


def test_constant_and_dead_filters_have_no_correlation() -> None:
    varying = np.array([0.0, 1.0, 3.0, 2.0])
    # 0.1 is no binary fraction, so that a mean of it is not quite itself.
    rows = np.stack([varying, np.full(4, 0.1), np.zeros(4), -varying], axis=1)
    found = correlation(CoMoments.of(rows[:3]).merge(CoMoments.of(rows[3:])))
    np.testing.assert_array_equal(found.constant, [False, True, True, False])
    np.testing.assert_array_equal(found.dead, [False, False, True, False])
    nan = np.nan
    np.testing.assert_array_equal(
        found.r,
        [[1, nan, nan, -1], [nan, nan, nan, nan], [nan, nan, nan, nan], [-1, nan, nan, 1]],
    )


def test_a_filter_that_leaves_float64_when_squared_is_undefined_but_not_constant() -> None:
    rows = np.array([[0.0, 1e-200, 0.0], [1.0, 2e-200, 1e200], [0.5, 1e-200, 0.0]])
    with np.errstate(over="ignore"):
        found = correlation(CoMoments.of(rows))
    assert not found.constant.any()
    np.testing.assert_array_equal(np.isnan(found.r), np.outer([0, 1, 1], [1, 1, 1]) | [0, 1, 1])


def test_correlation_stays_within_one_and_is_symmetric() -> None:
    rng = np.random.default_rng(3)
    base = rng.normal(size=(50, 1))
    rows = base @ rng.normal(size=(1, 30)) * 1e-3 + 7.0
    r = correlation(CoMoments.of(rows)).r
    assert np.abs(r).max() <= 1.0
    np.testing.assert_array_equal(np.diagonal(r), 1.0)
    np.testing.assert_array_equal(r, r.T)


@pytest.mark.parametrize("images", [0, 1])
def test_too_few_images_say_how_many_are_needed(images: int) -> None:
    with pytest.raises(TooFewImages, match=rf"at least 2 images .* has {images}\.") as caught:
        correlation(CoMoments.of(np.ones((images, 3))))
    assert caught.value.images == images
    assert isinstance(caught.value, ValueError)


def test_half_precision_and_whole_numbers_are_taken_exactly() -> None:
    rows = np.array([[1, 2], [3, 5], [4, 4]])
    for dtype in (np.int64, np.uint8, np.float16, np.float32):
        sums = Accumulator(2)
        sums.add(rows.astype(dtype))
        np.testing.assert_array_equal(
            CoMoments.of(rows.astype(dtype)).comoment, CoMoments.of(rows).comoment
        )
        assert sums.state().comoment.dtype == np.float64
        np.testing.assert_array_equal(sums.state().comoment, CoMoments.of(rows).comoment)


def test_misshapen_rows_and_states_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not of shape \(3,\)"):
        CoMoments.of(np.ones(3))
    with pytest.raises(ValueError, match="2 and 3 filters do not merge"):
        CoMoments.of(np.ones((1, 2))).merge(CoMoments.empty(3))
    with pytest.raises(ValueError, match="Rows of 2 filters do not fit a state of 3"):
        Accumulator(3).add(np.ones((1, 2)))
    with pytest.raises(ValueError, match="at least one row"):
        Accumulator(3, block=0)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_the_empty_state_is_neutral(seed: int) -> None:
    state = CoMoments.of(gap_rows(seed, 9, 3))
    empty = CoMoments.of(np.empty((0, 3)))
    assert_same(state.merge(empty), state)
    assert_same(empty.merge(state), state)


@given(st.integers(0, 2**32 - 1))
def test_a_merged_state_and_its_correlation_are_symmetric_to_the_last_bit(seed: int) -> None:
    rows = gap_rows(seed, 40, 6)
    state = CoMoments.of(rows[:15]).merge(CoMoments.of(rows[15:]))
    np.testing.assert_array_equal(state.comoment, state.comoment.T)
    r = correlation(state).r
    np.testing.assert_array_equal(r, r.T)


@pytest.mark.process
def test_importing_the_correlation_loads_no_graph_library_and_no_scipy() -> None:
    code = (
        "import sys, reactcnn_dash.analysis.correlation;"
        "print(*sorted({n.partition('.')[0] for n in sys.modules}"
        " & {'scipy', 'networkx', 'community', 'igraph', 'leidenalg', 'sklearn', 'dash'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
