"""What is right of images of networks of labels and values: stored, counted and found again."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reactcnn_dash.db import (
    Answers,
    ImageFilter,
    Letter,
    Move,
    RunWriter,
    SearchOrder,
    SharedRun,
    StoreAddress,
    StoreReader,
    delete_run,
)
from reactcnn_dash.db.engine import read_engine, transaction
from reactcnn_dash.results.moments import merged
from tests.db.samples import batch, new_run
from tests.db.sharing import states

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from reactcnn_dash.db import ImageBatch, NewRun
    from tests.postgres import Databases

IMAGES = 48
THRESHOLDS = np.array([0.5, 0.2, 0.8])
RANDOM = np.random.default_rng(11)
SAID = RANDOM.random((IMAGES, 3)).astype(np.float32)
SAID[5, 1] = np.nan
TRUTH = RANDOM.integers(0, 2, (IMAGES, 3)).astype(np.float32)
TRUTH[7] = np.nan
TRUTH[8, 2] = np.nan
VALUES = (RANDOM.normal(size=(IMAGES, 3)) * 100).astype(np.float32)
VALUES[5, 1] = np.nan
DUE = (VALUES + RANDOM.normal(size=(IMAGES, 3))).astype(np.float32)
DUE[5] = 1
DUE[7] = np.nan
DUE[8, 2] = np.nan


def of_labels() -> NewRun:
    options = {"answers": "labels", "thresholds": THRESHOLDS.tolist()}
    return new_run(name="labels", total=IMAGES, feature_maps="none", options=options)


def of_values() -> NewRun:
    options = {"answers": "values"}
    return new_run(name="values", total=IMAGES, feature_maps="none", options=options)


def part(start: int, count: int, said: NDArray[Any], due: NDArray[Any] | None) -> ImageBatch:
    rows = slice(start, start + count)
    return dataclasses.replace(
        batch(start, count, maps=False),
        labels=np.full(count, -1),
        probabilities=said[rows],
        targets=None if due is None else due[rows],
    )


def fill(url: str, size: int = 5) -> None:
    runs = [(of_labels(), SAID, TRUTH), (of_values(), VALUES, DUE), (of_values(), VALUES, None)]
    for new, said, due in runs:
        with RunWriter.begin(url, new) as writer:
            for start in range(0, IMAGES, size):
                writer.append(part(start, min(size, IMAGES - start), said, due))
            writer.finish()


def rows_of(url: str, run: int = 1) -> list[tuple[Any, ...]]:
    place = StoreAddress.of(url)
    with transaction(read_engine(place), place) as connection:
        found = connection.exec_driver_sql(
            "SELECT ordinal, hits, target, error FROM targets "
            f"WHERE run_id = {run} ORDER BY ordinal"
        ).all()
    return [tuple(row) for row in found]


def letters() -> list[str]:
    """The letters by their definition, one by one."""
    found = []
    for said, truth in zip(SAID, TRUTH, strict=True):
        text = ""
        for p, true, threshold in zip(said, truth, THRESHOLDS, strict=True):
            given = bool(p >= threshold)
            if np.isnan(true):
                text += "+" if given else "?"
            elif true:
                text += "h" if given else "m"
            else:
                text += "f" if given else "?" if np.isnan(p) else "-"
        found.append(text)
    return found


def labelled() -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.any(~np.isnan(TRUTH), axis=1)
    return found


def all_right() -> NDArray[np.bool_]:
    agree = (SAID >= THRESHOLDS) == (TRUTH == 1)
    found: NDArray[np.bool_] = np.all((agree & ~np.isnan(SAID)) | np.isnan(TRUTH), axis=1)
    return labelled() & found


def errors() -> NDArray[np.float64]:
    """The mean absolute error of each image, NaN where there is none."""
    off = np.abs(VALUES.astype(np.float64) - DUE)
    found = np.full(IMAGES, np.nan)
    for i, one in enumerate(off):
        known = ~np.isnan(DUE[i])
        if known.any():
            found[i] = one[known].mean()
    return found


def test_labels_are_hit_or_not_as_numpy_says(url: str) -> None:
    fill(url)
    reader = StoreReader(url)
    run = reader.run(1)
    assert (run.answers, run.labelled) == (Answers.LABELS, int(labelled().sum()))
    assert run.correct == int(all_right().sum())
    assert run.mean_error is None
    for ordinal, text in enumerate(letters()):
        target = reader.image(1, ordinal).target
        if ordinal == 7:
            assert target is None
            continue
        assert target is not None
        assert target.hits == text
        np.testing.assert_array_equal(
            target.values, np.where(np.array([*text]) == "?", np.nan, TRUTH[ordinal])
        )
        wrong = sum(one in "fm" for one in text)
        # A known label whose probability is not finite is not answered.
        assert target.error == (None if ordinal == 5 else wrong)
    found = reader.targets(run)
    true, given = TRUTH == 1, SAID >= THRESHOLDS
    assert found.count(Letter.HIT).tolist() == (true & given).sum(0).tolist()
    assert found.count(Letter.MISSED).tolist() == (true & ~given).sum(0).tolist()
    assert found.count(Letter.FALSE).tolist() == ((TRUTH == 0) & given).sum(0).tolist()


def test_values_have_their_mean_absolute_error(url: str) -> None:
    fill(url)
    reader = StoreReader(url)
    run = reader.run(2)
    expected = errors()
    assert run.error_count == int(np.isfinite(expected).sum()) == IMAGES - 2
    assert run.mean_error == pytest.approx(np.nanmean(expected), rel=1e-12)
    assert (run.labelled, run.correct) == (0, 0)
    summary = next(one for one in reader.summaries() if one.id == 2)
    assert summary.mean_error == run.mean_error
    facts = list(reader.image_facts(run, 0, IMAGES))
    for one in facts:
        if one.ordinal == 7:
            assert one.target is None
            continue
        assert one.target is not None
        np.testing.assert_array_equal(one.target.values, DUE[one.ordinal])
        known = expected[one.ordinal]
        assert one.target.error == (None if np.isnan(known) else pytest.approx(known))
        assert one.misclassified is None


def test_a_run_without_targets_has_no_rows(url: str) -> None:
    fill(url)
    assert rows_of(url, 3) == []
    run = StoreReader(url).run(3)
    assert (run.error_sum, run.error_count, run.mean_error) == (None, 0, None)


@pytest.mark.parametrize("label", [0, 1, 2])
def test_labels_are_searched_for(url: str, label: int) -> None:
    fill(url)
    reader = StoreReader(url)
    true, false, given = TRUTH[:, label] == 1, TRUTH[:, label] == 0, None
    given = (SAID[:, label] >= THRESHOLDS[label]) & labelled()
    wanted = {
        ImageFilter(label=label): true,
        ImageFilter(prediction=label): given,
        ImageFilter(label=label, prediction=label): true & given,
        ImageFilter(missed=label): true & ~given,
        ImageFilter(extra=label): false & given,
        ImageFilter(misclassified=True): labelled() & ~all_right(),
    }
    for asked, which in wanted.items():
        expected = np.flatnonzero(which).tolist()
        assert reader.matching(1, asked).tolist() == expected, asked
        page = reader.search(1, asked, offset=2, limit=4)
        assert [hit.ordinal for hit in page.hits] == expected[2:6]
        assert page.total == len(expected)
    # Runs of values have none of it, nor has a run without targets.
    for run in (2, 3):
        assert reader.matching(run, ImageFilter(missed=label)).tolist() == []


def test_images_are_sorted_by_their_error(url: str) -> None:
    fill(url)
    reader = StoreReader(url)
    known = errors()
    expected = sorted(range(IMAGES), key=lambda i: (np.isnan(known[i]), -known[i], i))
    page = reader.search(2, ImageFilter(), SearchOrder.ERROR, limit=IMAGES, near=3)
    assert [hit.ordinal for hit in page.hits][: IMAGES - 2] == expected[: IMAGES - 2]
    assert {hit.ordinal for hit in page.hits[-2:]} == {5, 7}
    assert page.place == expected.index(3)
    assert page.hits[0].error == pytest.approx(np.nanmax(known))
    # Of labels, those with most of them wrong come first.
    wrong = [sum(one in "fm" for one in text) for text in letters()]
    hits = reader.search(1, ImageFilter(), SearchOrder.ERROR, limit=IMAGES).hits
    found = [wrong[hit.ordinal] for hit in hits if hit.error is not None]
    assert found == sorted(found, reverse=True)
    # Without targets, by number.
    hits = reader.search(3, ImageFilter(), SearchOrder.ERROR, limit=IMAGES).hits
    assert [hit.ordinal for hit in hits] == list(range(IMAGES))


def test_a_resumed_run_is_the_same_to_the_bit(url: str, tmp_path: Path) -> None:
    fill(url)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    for new, said, due in ((of_labels(), SAID, TRUTH), (of_values(), VALUES, DUE)):
        with RunWriter.begin(other, new) as writer:
            writer.append(part(0, 17, said, due))
            writer.interrupt()
            ref = str(writer.run.id)
        with RunWriter.resume(other, ref) as writer:
            for start in range(17, IMAGES):
                writer.append(part(start, 1, said, due))
            writer.finish()
    for run in (1, 2):
        assert rows_of(other, run) == rows_of(url, run)
        one, two = StoreReader(url).run(run), StoreReader(other).run(run)
        counted = [(r.labelled, r.correct, r.error_sum, r.error_count, r.size) for r in (one, two)]
        assert counted[0] == counted[1]


@pytest.mark.parametrize("kind", ["labels", "values"])
def test_workers_that_share_a_run_store_the_same(url: str, kind: str, tmp_path: Path) -> None:
    alone = f"sqlite:///{tmp_path / 'alone.db'}"
    fill(alone)
    run, new, said, due = {
        "labels": (1, of_labels(), SAID, TRUTH),
        "values": (2, of_values(), VALUES, DUE),
    }[kind]
    shared = SharedRun.begin(url, "trial", new, merged, images=16)
    assert shared is not None
    with shared:
        leases = [shared.take(), shared.take(), shared.take()]
        # The first gap is closed last.
        for lease in reversed(leases):
            assert lease is not None
            while lease.done < 16:
                start = lease.start + lease.done
                last = states(lease) if lease.done == 12 else ()
                assert shared.append(lease, part(start, 4, said, due), last)
        shared.leave()
    assert rows_of(url) == rows_of(alone, run)
    one, two = StoreReader(url).run(1), StoreReader(alone).run(run)
    assert (one.labelled, one.correct, one.error_count) == (
        two.labelled,
        two.correct,
        two.error_count,
    )
    if kind == "values":
        assert one.error_sum == pytest.approx(two.error_sum, rel=1e-12)


def test_batches_that_are_put_bring_their_targets(url: str) -> None:
    shared = SharedRun.begin(url, "ray", of_values(), merged, in_any_order=True)
    assert shared is not None
    with shared:
        assert shared.put("b", part(20, 8, VALUES, DUE)) == 8
        assert shared.put("a", part(0, 4, VALUES, DUE)) == 12
        assert shared.put("b", part(20, 8, VALUES, DUE)) is None
        shared.finish()
    run = StoreReader(url).run(1)
    order = [*range(20, 28), *range(4)]
    assert run.mean_error == pytest.approx(np.nanmean(errors()[order]), rel=1e-12)
    for ordinal, place in enumerate(order):
        target = StoreReader(url).image(1, ordinal).target
        assert target is not None
        np.testing.assert_array_equal(target.values, DUE[place])


def test_a_run_moves_and_goes_with_its_targets(tmp_path: Path, databases: Databases) -> None:
    here, there = f"sqlite:///{tmp_path / 'here.db'}", databases.make()
    fill(here)
    before = [rows_of(here, run) for run in (1, 2)]
    move = Move(here, there)
    try:
        moved = [move.copy(row, lambda _: None) for row in move.runs(["1", "2"])]
    finally:
        move.close()
    assert [rows_of(there, one.here) for one in moved] == before
    reader = StoreReader(there)
    assert reader.run(moved[1].here).mean_error == StoreReader(here).run(2).mean_error
    for one in moved:
        delete_run(there, one.here)
        assert rows_of(there, one.here) == []


@pytest.mark.parametrize(
    ("new", "targets", "message"),
    [
        (of_labels(), np.full((4, 3), 0.5, np.float32), "1, 0 or NaN"),
        (of_labels(), np.zeros((4, 2), np.float32), "must be float32 of shape"),
        (of_values(), np.zeros((4, 3)), "must be float32 of shape"),
        (new_run(), np.zeros((4, 3), np.float32), "labels or values"),
    ],
)
def test_targets_that_do_not_fit_are_refused(
    path: Path, new: NewRun, targets: NDArray[Any], message: str
) -> None:
    with RunWriter.begin(str(path), new) as writer:
        made = dataclasses.replace(part(0, 4, SAID, None), targets=targets)
        with pytest.raises(ValueError, match=message):
            writer.append(made)


def test_a_damaged_target_is_left_out(path: Path) -> None:
    fill(str(path))
    place = StoreAddress.of(str(path))
    import sqlite3

    with sqlite3.connect(place.path or path) as raw:
        raw.execute("UPDATE targets SET hits = 'h' WHERE run_id = 1 AND ordinal = 3")
        raw.execute("UPDATE targets SET target = x'00' WHERE run_id = 2 AND ordinal = 3")
    reader = StoreReader(str(path))
    for run in (1, 2):
        facts = list(reader.image_facts(reader.run(run), 0, IMAGES))
        assert [one.ordinal for one in facts if one.damaged] == [3]
        assert facts[3].target is None
    assert 3 not in reader.targets(reader.run(1)).ordinals
