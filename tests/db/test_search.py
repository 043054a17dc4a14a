"""Searching a run: what NumPy finds in rows written by hand, and from the index alone."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, event

from reactcnn_dash.db import (
    ImageFilter,
    RunDeletion,
    RunWriter,
    SearchOrder,
    StoreReader,
    search,
)
from tests.db.samples import batch, new_run

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.postgres import Databases

IMAGES = 90
LABELS = np.random.default_rng(1).integers(-1, 3, IMAGES)
"""-1: without a label."""
WALKING, GATHERING = 0, 512
"""The most images that are sorted at once: none, so that an index is walked; or all of these."""


def probabilities() -> NDArray[np.float32]:
    """Predictions with equal confidences among them, and three that are not finite."""
    made = np.random.default_rng(2).integers(0, 6, (IMAGES, 3)).astype(np.float32)
    made[:, 0] += 0.5
    made /= made.sum(axis=1, keepdims=True)
    made[[7, 30]] = np.nan
    made[55, 1] = np.inf
    return made


@dataclasses.dataclass(frozen=True)
class Truth:
    predictions: NDArray[np.int64]
    confidence: NDArray[np.float64]
    misclassified: NDArray[np.bool_]


def truth() -> Truth:
    answers = probabilities().astype(np.float64)
    finite = np.isfinite(answers).all(axis=1)
    predictions = np.where(np.isnan(answers), -np.inf, answers).argmax(axis=1)
    # The writer takes infinity for the largest value there is.
    return Truth(
        predictions=predictions,
        confidence=np.where(finite, answers[np.arange(IMAGES), predictions], np.nan),
        misclassified=(LABELS >= 0) & ~(finite & (predictions == LABELS)),
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search") / "store.db"


@pytest.fixture(scope="module")
def in_file(path: Path) -> str:
    return fill(str(path))


@pytest.fixture(scope="module")
def in_database(databases: Databases) -> str:
    return fill(databases.make())


@pytest.fixture(params=["in_file", "in_database"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


def fill(store: str) -> str:
    answers = probabilities()
    # A run before and one after, which must not be found.
    for seed, labels in ((0, np.full(IMAGES, 1)), (1, LABELS), (2, np.full(IMAGES, 1))):
        with RunWriter.begin(store, new_run(name=f"run {seed}", feature_maps="none")) as writer:
            for start in range(0, IMAGES, 30):
                part = slice(start, start + 30)
                made = batch(start, 30, maps=False)
                writer.append(
                    dataclasses.replace(made, labels=labels[part], probabilities=answers[part])
                )
            writer.finish()
    return store


def expected(wanted: ImageFilter, order: SearchOrder) -> list[int]:
    """Ordinals in order, found by NumPy."""
    known = truth()
    ordinals = np.arange(IMAGES)
    keep = np.ones(IMAGES, bool)
    if wanted.label is not None:
        keep &= wanted.label == LABELS
    if wanted.prediction is not None:
        keep &= known.predictions == wanted.prediction
    if wanted.misclassified:
        keep &= known.misclassified
    if wanted.answered is not None:
        keep &= np.isfinite(known.confidence) == wanted.answered
    if wanted.first is not None:
        keep &= ordinals >= wanted.first
    if wanted.last is not None:
        keep &= ordinals <= wanted.last
    found = ordinals[keep]
    # No image of a run of classes has an error.
    if order in (SearchOrder.SURE, SearchOrder.UNSURE):
        sign = 1 if order is SearchOrder.UNSURE else -1
        # A stable sort leaves equal ones by ordinal; NaN goes last.
        found = found[np.argsort(sign * known.confidence[found], kind="stable")]
    return [int(ordinal) for ordinal in found]


classes = st.none() | st.integers(0, 3)
ordinals = st.none() | st.integers(0, IMAGES + 5)
filters = st.builds(
    ImageFilter,
    label=classes,
    prediction=classes,
    misclassified=st.booleans(),
    answered=st.none() | st.booleans(),
    first=ordinals,
    last=ordinals,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wanted=filters, order=st.sampled_from(SearchOrder), offset=st.integers(0, 40))
def test_any_search_finds_what_numpy_finds(
    url: str, wanted: ImageFilter, order: SearchOrder, offset: int
) -> None:
    truly = expected(wanted, order)
    reader = StoreReader(url)
    for gathered in (WALKING, GATHERING):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(search, "_MOST_GATHERED", gathered)
            page = reader.search(2, wanted, order, offset=offset, limit=15, near=20)
        assert page.total == len(truly)
        assert [hit.ordinal for hit in page.hits] == truly[offset : offset + 15]
        if 20 in truly:
            assert page.place == truly.index(20)
        elif order is SearchOrder.ORDINAL:
            assert page.place == sum(ordinal < 20 for ordinal in truly)
        else:
            assert page.place is None
    assert reader.matching(2, wanted).tolist() == sorted(truly)
    assert reader.count(2, wanted) == len(truly)
    some = list(range(0, IMAGES, 3))
    assert reader.matching_among(2, wanted, some).tolist() == [
        one for one in sorted(truly) if one in some
    ]


def test_a_hit_says_what_is_known_of_its_image(url: str) -> None:
    known = truth()
    page = StoreReader(url).search(2, ImageFilter(), limit=IMAGES)
    assert len(page.hits) == IMAGES
    for hit in page.hits:
        label = LABELS[hit.ordinal]
        assert hit.label == (None if label < 0 else label)
        assert hit.prediction == known.predictions[hit.ordinal]
        assert hit.misclassified == (None if label < 0 else known.misclassified[hit.ordinal])
        sure = known.confidence[hit.ordinal]
        assert hit.confidence == (None if np.isnan(sure) else sure)


def test_a_run_or_a_store_without_images_has_no_hits(url: str, tmp_path: Path) -> None:
    assert StoreReader(url).search(9, ImageFilter()).total == 0
    (tmp_path / "empty.db").touch()
    empty = StoreReader(str(tmp_path / "empty.db"))
    assert empty.search(1, ImageFilter(), near=3).hits == ()
    assert empty.matching(1, ImageFilter()).tolist() == []


EVERY = [
    ImageFilter(label, prediction, wrong, first, last, answered)
    for label in (None, 1)
    for prediction in (None, 2)
    for wrong in (False, True)
    for first, last in ((None, None), (3, None), (3, 50))
    for answered in (None, True, False)
]


@pytest.mark.parametrize("gathered", [WALKING, GATHERING])
def test_no_search_touches_a_row_of_the_table(
    in_file: str, gathered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked in truth is looked at: whichever way a page is read, by indexes alone."""
    monkeypatch.setattr(search, "_MOST_GATHERED", gathered)
    engine = create_engine(f"sqlite:///{in_file}")
    asked: list[tuple[str, Any]] = []
    event.listen(
        engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, values, *_: asked.append((statement, values)),
    )
    planned: dict[str, list[str]] = {}
    with engine.connect() as connection:
        for wanted in EVERY:
            del asked[:]
            for order in SearchOrder:
                search.search_page(connection, 2, wanted, order, offset=2, limit=60, near=20)
            search.matching_ordinals(connection, 2, wanted)
            search.matching_among(connection, 2, wanted, [3, 20, 50])
            search.count_matching(connection, 2, wanted)
            reads = []
            for statement, values in asked.copy():
                # SQLite makes its plan of the words alone.
                if statement not in planned:
                    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                    details = [row.detail for row in plan]
                    planned[statement] = [one for one in details if " images " in f"{one} "]
                reads += planned[statement]
            assert reads
            assert all("USING COVERING INDEX" in read for read in reads), (wanted, reads)
    engine.dispose()


def test_a_page_of_many_looks_at_few(tmp_path: Path) -> None:
    """Of 6,000 images the first results are read by some hundred steps of SQLite's machine."""
    store, few = str(tmp_path / "many.db"), str(tmp_path / "few.db")
    steps: dict[str, list[int]] = {}
    for name, images in ((few, 300), (store, 6000)):
        rng = np.random.default_rng(0)
        answers = rng.random((images, 3)).astype(np.float32)
        labels = rng.integers(0, 3, images)
        with RunWriter.begin(name, new_run(feature_maps="none")) as writer:
            for start in range(0, images, 300):
                made = batch(0, 300, maps=False)
                part = slice(start, start + 300)
                writer.append(
                    dataclasses.replace(
                        made, start=start, labels=labels[part], probabilities=answers[part]
                    )
                )
            writer.finish()
        steps[name] = [
            steps_of(name, wanted, order)
            for wanted in (
                ImageFilter(),
                ImageFilter(misclassified=True),
                ImageFilter(label=1),
                ImageFilter(prediction=2),
            )
            for order in SearchOrder
        ]
    # Twenty times the images, and not twice the work.
    assert all(many < 2 * less for many, less in zip(steps[store], steps[few], strict=True)), steps


def steps_of(store: str, wanted: ImageFilter, order: SearchOrder) -> int:
    """How many instructions SQLite carries out for the first page of a search."""
    engine = create_engine(f"sqlite:///{store}")
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    with engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        search.search_page(connection, 1, wanted, order, offset=0, limit=20, near=None)
        raw.set_progress_handler(count, 1)
        search.search_page(connection, 1, wanted, order, offset=0, limit=20, near=None)
        raw.set_progress_handler(None, 0)
    engine.dispose()
    return counted


def test_the_tally_is_what_numpy_counts(url: str) -> None:
    reader = StoreReader(url)
    tally = reader.tally(reader.run(2))
    known = truth()
    kinds = zip(
        LABELS.tolist(), known.predictions.tolist(), np.isfinite(known.confidence), strict=True
    )
    assert Counter(kinds) == dict(
        zip(
            zip(
                tally.labels.tolist(),
                tally.predictions.tolist(),
                tally.answered.tolist(),
                strict=True,
            ),
            tally.images.tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize("order", SearchOrder)
def test_a_run_that_is_being_deleted_is_counted_anew(tmp_path: Path, order: SearchOrder) -> None:
    store = fill(str(tmp_path / "going.db"))
    deletion = RunDeletion.begin(store, 2)

    def stop(left: int) -> None:
        if left < IMAGES:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deletion.finish(stop)
    reader = StoreReader(store)
    left = reader.run(2).stored
    assert 0 < left < IMAGES
    page = reader.search(2, ImageFilter(), order, near=3)
    assert page.total == left == reader.count(2, ImageFilter())
    assert len(page.hits) == min(60, left)
