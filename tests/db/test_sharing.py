"""Runs that several workers share: rows and sums are those of a single one, whoever is killed."""

from __future__ import annotations

import dataclasses
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reactcnn_dash.db import (
    Answers,
    ImageFilter,
    RunBusy,
    RunDeletion,
    RunNotFound,
    RunState,
    RunWriter,
    Shared,
    SharedRun,
    StoreAddress,
    StoreError,
    StoreReader,
    edit_run,
    find_shared,
    replace_states,
    require_free,
)
from reactcnn_dash.db.engine import read_engine, transaction
from reactcnn_dash.db.ownership import Heard
from reactcnn_dash.db.records import STALL_SECONDS
from reactcnn_dash.db.sharing import range_size, require_shareable
from reactcnn_dash.results.moments import current_moments, merged
from tests.db.samples import LAYERS, batch, new_run, state
from tests.db.sharing import KEY, RANGE, TOTAL, enter, finish, step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reactcnn_dash.db import CorrelationState


@pytest.fixture
def store(any_store: str) -> str:
    return any_store


@pytest.fixture
def shared(store: str) -> Iterator[SharedRun]:
    with enter(store) as run:
        yield run


def rows(path: str, table: str) -> list[Any]:
    columns = {
        "images": "ordinal, label, prediction, misclassified, finite, name, sha256, "
        "probabilities, pixels, gap, confidence",
        "feature_maps": "ordinal, scales, codes",
    }.get(table, "*")
    place = StoreAddress.of(path)
    with transaction(read_engine(place), place) as connection:
        found = connection.exec_driver_sql(f"SELECT {columns} FROM {table} ORDER BY 1").all()
    return [tuple(row) for row in found]


def alone(path: str) -> None:
    with RunWriter.begin(path, new_run(total=TOTAL, feature_maps="last:20")) as writer:
        while writer.stored < TOTAL:
            writer.append(batch(writer.stored, min(4, TOTAL - writer.stored)))
        writer.finish()


def check_states(store: str, covered: int = TOTAL) -> None:
    for layer in LAYERS:
        kept = StoreReader(store).correlation_state(1, layer.position)
        assert kept is not None
        assert kept.covered == covered
        check_sums(kept, state(layer.position, covered))


def check_sums(found: CorrelationState, true: CorrelationState) -> None:
    assert found.n == true.n
    for name in ("mean", "comoment", "low", "high"):
        ours, theirs = getattr(found, name), getattr(true, name)
        assert np.abs(ours - theirs).max() <= 1e-10 * np.abs(theirs).max(), name


@pytest.mark.process
def test_workers_that_are_killed_end_with_the_rows_and_sums_of_one(
    store: str, tmp_path: Path
) -> None:
    chance = random.Random(5)

    def worker() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.db.sharing", store]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def acknowledged(process: subprocess.Popen[str], batches: int) -> None:
        assert process.stdout is not None
        for _ in range(batches):
            process.stdout.readline()

    workers = [worker() for _ in range(2)]
    for _ in range(4):
        victim = chance.randrange(2)
        acknowledged(workers[victim], chance.randrange(1, 5))
        workers[victim].kill()
        workers[victim].communicate()
        workers[victim] = worker()
    for process in workers:
        process.communicate(timeout=120)
        assert process.returncode == 0

    single = str(tmp_path / "alone.db")
    alone(single)
    assert rows(store, "images") == rows(single, "images")
    assert rows(store, "feature_maps") == rows(single, "feature_maps")
    run, other = StoreReader(store).run(1), StoreReader(single).run(1)
    assert run.state is RunState.FINISHED
    for name in ("stored", "labelled", "correct", "skipped", "total"):
        assert getattr(run, name) == getattr(other, name), name
    assert run.shared == Shared(workers=0, images=TOTAL)
    np.testing.assert_array_equal(run.gap_low, other.gap_low)
    np.testing.assert_array_equal(run.gap_high, other.gap_high)
    check_states(store)
    assert rows(store, "range_states") == []
    assert run.size == other.size + sum(len(one[-1]) for one in rows(store, "correlation_states"))


def test_what_lies_behind_a_gap_is_seen_when_it_is_closed(shared: SharedRun, store: str) -> None:
    reader = StoreReader(store)
    with enter(store) as other:
        first, second = shared.take(), other.take()
        assert first is not None
        assert second is not None
        assert (first.start, second.start) == (0, RANGE)
        finish(other, second)
        run = reader.run(1)
        assert (run.stored, run.labelled) == (0, 0)
        assert run.shared == Shared(workers=2, images=RANGE)
        assert reader.search(1, ImageFilter()).total == 0
        assert not len(reader.matching(1, ImageFilter()))
        assert reader.nearest_misclassified(1, -1, True) is None
        step(shared, first)
        assert reader.run(1).stored == 4
        assert reader.search(1, ImageFilter()).total == 4
        finish(shared, first)
        run = reader.run(1)
        assert run.stored == 2 * RANGE
        assert run.labelled == np.count_nonzero(batch(0, 2 * RANGE).labels >= 0)
        assert reader.search(1, ImageFilter()).total == 2 * RANGE
        check_states(store, 2 * RANGE)


def test_a_range_whose_worker_is_silent_goes_on_elsewhere_and_counts_once(
    shared: SharedRun, store: str
) -> None:
    now = 0.0
    lease = shared.take()
    assert lease is not None
    step(shared, lease)
    with enter(store, heard=Heard(lambda: now)) as other:
        second = other.take()
        assert second is not None
        assert second.start == RANGE
        now += STALL_SECONDS + 1
        taken = other.take()
        assert taken is not None
        assert (taken.start, taken.done) == (0, 4)
        # The one that was silent comes to life again, in the middle and after the end.
        assert not step(shared, lease)
        assert lease.lost
        lease.lost = False
        finish(other, taken)
        assert not step(shared, lease)
        # It counts among the workers again as soon as it says so, and takes another range.
        shared.heartbeat()
        third = shared.take()
        assert third is not None
        assert third.start == 2 * RANGE
    run = StoreReader(store).run(1)
    assert run.stored == RANGE
    assert run.shared == Shared(workers=2, images=RANGE)
    assert run.labelled == np.count_nonzero(batch(0, RANGE).labels >= 0)
    check_states(store, RANGE)


def test_a_worker_that_counts_keeps_its_range(shared: SharedRun, store: str) -> None:
    now = 0.0
    assert shared.take() is not None
    with enter(store, heard=Heard(lambda: now)) as other:
        for _ in range(4):
            taken = other.take()
            assert taken is not None
            assert taken.start > 0
            shared.heartbeat()
            now += STALL_SECONDS - 1


def test_who_leaves_gives_back_and_the_last_one_interrupts(shared: SharedRun, store: str) -> None:
    reader = StoreReader(store)
    other = enter(store)
    held = [other.take(), shared.take()]
    assert held[0] is not None
    step(other, held[0])
    other.leave()
    other.close()
    assert reader.run(1).state is RunState.COLLECTING
    again = shared.take()
    assert again is not None
    assert (again.start, again.done) == (0, 4)
    shared.leave()
    run = reader.run(1)
    assert run.state is RunState.INTERRUPTED
    assert run.shared == Shared(workers=0, images=4)
    with enter(store) as later:
        assert reader.run(1).state is RunState.COLLECTING
        while (lease := later.take()) is not None:
            finish(later, lease)
        assert later.progress().state is RunState.FINISHED
        later.leave()
    assert reader.run(1).state is RunState.FINISHED
    check_states(store)


def test_states_made_anew_in_the_middle_are_not_folded_twice(shared: SharedRun, store: str) -> None:
    lease = shared.take()
    assert lease is not None
    finish(shared, lease)
    shared.leave()
    replace_states(store, 1, [state(layer.position, 8) for layer in LAYERS])
    with enter(store) as later:
        while (lease := later.take()) is not None:
            finish(later, lease)
        later.leave()
    reader = StoreReader(store)
    for layer in LAYERS:
        moments, images = current_moments(reader, 1, layer)
        assert images == moments.n == TOTAL
        true = state(layer.position, TOTAL).comoment
        assert np.abs(moments.comoment - true).max() <= 1e-10 * np.abs(true).max()


def test_only_one_begins_a_run(shared: SharedRun, store: str) -> None:
    assert SharedRun.begin(store, KEY, new_run(), merged) is None
    assert len(StoreReader(store).runs()) == 1
    found = find_shared(store, KEY)
    assert found is not None
    assert found.id == 1
    assert find_shared(store, "another") is None


def test_a_new_name_leaves_the_old_one_to_late_workers(shared: SharedRun, store: str) -> None:
    edit_run(store, 1, name="renamed")
    for ref in (KEY, "renamed", "1"):
        found = find_shared(store, ref)
        assert found is not None
        assert found.id == 1


def test_a_shared_run_is_resumed_by_sharing_only(shared: SharedRun, store: str) -> None:
    shared.leave()
    with pytest.raises(RunBusy, match=r"shared by several collectors.*--share 1"):
        RunWriter.resume(store, "1")
    with pytest.raises(RunBusy, match=r"shared by several collectors.*--share 1"):
        require_free(store, 1)


def test_a_run_of_one_collector_is_not_shared(store: str) -> None:
    alone(store)
    for ref in ("1", "trial"):
        with pytest.raises(StoreError, match=r"run 1 .* was begun by a single collector"):
            find_shared(store, ref)
    with pytest.raises(StoreError, match="single collector"):
        SharedRun.join(store, 1, merged)
    with pytest.raises(RunNotFound):
        find_shared(store, "7")


def test_workers_stop_when_their_run_is_deleted(shared: SharedRun, store: str) -> None:
    lease = shared.take()
    assert lease is not None
    step(shared, lease)
    with pytest.raises(RunBusy):
        RunDeletion.begin(store, 1)
    shared.leave()
    deletion = RunDeletion.begin(store, 1)
    with pytest.raises(RunBusy, match="being deleted"):
        enter(store)
    for attempt in (shared.take, shared.heartbeat):
        with pytest.raises(RunBusy, match="taken over"):
            attempt()
    deletion.finish()
    for table in ("runs", "images", "shares", "ranges", "workers", "range_states"):
        assert rows(store, table) == [], table


def test_sharing_over_a_network_file_system_is_refused(tmp_path: Path) -> None:
    here = f"31 1 0:30 / {tmp_path} rw - {{}} server:/x rw\n"
    for kind in ("nfs4", "cifs", "fuse.sshfs", "lustre"):
        with pytest.raises(StoreError, match=rf"network file system \({kind}\).*PostgreSQL"):
            require_shareable(StoreAddress.of(tmp_path / "a.db"), here.format(kind))
    for kind in ("ext4", "tmpfs", "overlay"):
        require_shareable(StoreAddress.of(tmp_path / "a.db"), here.format(kind))
    require_shareable(StoreAddress.of("postgresql://host/db"), here.format("nfs4"))


def test_a_batch_that_comes_again_is_stored_once(store: str) -> None:
    new = new_run(total=None, feature_maps="last:5")
    begun = SharedRun.begin(store, KEY, new, merged, in_any_order=True)
    assert begun is not None
    with begun, enter(store) as other:
        assert begun.take() is None
        # Wherever a batch thinks that it begins, it comes behind those that are there.
        assert begun.put("first", batch(40, 4)) == 4
        assert other.put("second", batch(0, 3)) == 7
        for again in (begun, other):
            assert again.put("first", batch(40, 4)) is None
        assert other.put("third", batch(40, 4)) == 11
        before = StoreReader(store).run(1)
        assert before.shared == Shared(workers=2, images=11)
        assert other.put("second", batch(0, 3)) is None
        begun.save_states([state(layer.position, 8) for layer in LAYERS])
        other.save_states([state(layer.position, 4) for layer in LAYERS])
        begun.finish()
    reader = StoreReader(store)
    run = reader.run(1)
    assert (run.state, run.stored, run.total) == (RunState.FINISHED, 11, 11)
    assert run.shared == Shared(workers=0, images=11)
    for ordinal, true in enumerate([40, 41, 42, 43, 0, 1, 2, 40, 41, 42, 43]):
        np.testing.assert_array_equal(reader.gap_row(1, ordinal), batch(true, 1).gap[0])
    assert reader.images_with_maps(1) == tuple(range(6, 11))
    labels = np.concatenate([batch(40, 4).labels, batch(0, 3).labels, batch(40, 4).labels])
    assert run.labelled == np.count_nonzero(labels >= 0)
    kept = reader.correlation_state(1, 0)
    assert kept is not None
    assert kept.covered == 8
    assert run.size == sum(len(one) for row in rows(store, "images") for one in row[7:10]) + sum(
        len(one) for row in rows(store, "feature_maps") for one in row[1:]
    ) + sum(len(row[-1]) for row in rows(store, "correlation_states"))


@pytest.mark.parametrize("in_any_order", [True, False])
@pytest.mark.parametrize("answers", [Answers.LABELS, Answers.VALUES, Answers.NONE])
def test_workers_of_a_run_without_classes_predict_none(
    store: str, answers: Answers, in_any_order: bool
) -> None:
    plain = batch(0, 4)
    if answers is Answers.NONE:
        plain = dataclasses.replace(plain, probabilities=np.empty((4, 0), np.float32))
    new = new_run(total=None if in_any_order else 4, feature_maps="last:5")
    names = () if answers is Answers.NONE else new.class_names
    options = {**new.options, "answers": answers.value}
    new = dataclasses.replace(new, options=options, class_names=names)
    begun = SharedRun.begin(store, KEY, new, merged, in_any_order=in_any_order)
    assert begun is not None
    with begun:
        if in_any_order:
            begun.put("first", plain)
        else:
            lease = begun.take()
            assert lease is not None
            begun.append(lease, plain, [state(layer.position, 4) for layer in LAYERS])
        begun.finish()
    reader = StoreReader(store)
    said = reader.predictions(reader.run(1))
    assert (said.predictions == -1).all()
    assert np.isnan(said.confidence).all()
    for ordinal in range(4):
        found = reader.image(1, ordinal)
        assert found.prediction == -1
        np.testing.assert_array_equal(found.probabilities, plain.probabilities[ordinal])


def test_a_batch_must_continue_its_range(shared: SharedRun) -> None:
    lease = shared.take()
    assert lease is not None
    with pytest.raises(ValueError, match="does not continue"):
        shared.append(lease, batch(4, 4))
    with pytest.raises(ValueError, match="does not continue"):
        shared.append(lease, batch(0, RANGE + 1))
    with pytest.raises(ValueError, match="states of a range"):
        shared.append(lease, batch(0, RANGE))


@pytest.mark.parametrize(
    ("total", "batch_size", "size"),
    [(10, 1, 256), (3000, 32, 256), (3000, 100, 300), (10**6, 64, 2048), (50_000, 64, 832)],
)
def test_ranges_are_whole_batches(total: int, batch_size: int, size: int) -> None:
    assert range_size(total, batch_size) == size
    assert size % batch_size == 0
