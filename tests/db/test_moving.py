"""Runs moved between files and databases: whole, once, and back again, whoever is killed."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reactcnn_dash.cli import main
from reactcnn_dash.db import (
    Clustering,
    ComparisonKey,
    KeptResult,
    Move,
    NewSlimming,
    RunBusy,
    RunState,
    RunWriter,
    StoreError,
    StoreReader,
    delete_run,
    edit_run,
    keep_result,
    save_clustering,
    save_comparison,
    save_slimming,
)
from reactcnn_dash.errors import STORE
from tests import looking
from tests.db.samples import batch, new_run, state
from tests.db.sharing import RANGE, TOTAL, enter, finish, step
from tests.db.test_processes import collecting, read_until, rows
from tests.silence import fall_silent_for_certain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.postgres import Databases

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("sqlite", "postgresql")
SAID = (
    "name", "note", "tags", "size", "state", "created_at", "ended_at", "stored", "options", "total",
)  # fmt: skip


@pytest.fixture
def make(tmp_path: Path, databases: Databases) -> Iterator[Callable[[str], str]]:
    """Makes places for stores of a kind, in which nothing is yet."""
    made: list[str] = []
    numbers = itertools.count()

    def place(kind: str) -> str:
        if kind == "sqlite":
            return str(tmp_path / f"{next(numbers)}.db")
        made.append(databases.make(empty=True))
        return made[-1]

    yield place
    for url in made:
        databases.drop(url)


def fill(url: str) -> None:
    """Three runs with everything that may belong to one."""
    for number, images in enumerate((150, 6, 70), start=1):
        options = {"checkpoint_sha256": "c" * 64} if number == 3 else {}
        with RunWriter.begin(url, new_run(name=f"run {number}", **options)) as writer:
            for start in range(0, images, 50):
                writer.append(batch(start, min(50, images - start)))
            writer.save_states([state(layer, 6) for layer in (0, 1)])
            writer.finish() if number < 3 else writer.interrupt()
        save_clustering(url, number, Clustering(0, "louvain", 1.0, 4, np.zeros(3, np.int32)))
        keep_result(url, number, "kind", "key", KeptResult(4, b"\0\1"))
    edit_run(url, 1, note="größer", tags=["a", "b"])
    save_comparison(url, ComparisonKey(1, 3, "louvain", None, 150, 70), b"one")
    save_comparison(url, ComparisonKey(2, 1, "louvain", 0.5, 6, 150), b"two")
    save_slimming(
        url, NewSlimming("a" * 64, uuid_of(url, 1), uuid_of(url, 2), "l1", "/a.keras", {}, {})
    )


def uuid_of(url: str, run: int) -> str:
    return StoreReader(url).run(run).uuid


def everything(url: str) -> dict[str, Any]:
    """Every value of every run by its UUID, and of what stands between runs."""
    reader = StoreReader(url)
    found: dict[str, Any] = {}
    for summary in reader.summaries():
        run = reader.run(summary.id)
        said = {name: getattr(run, name) for name in SAID}
        kept = reader.clusterings(run.id)
        found[run.uuid] = (
            rows(url, run.id), said, run.checkpoint.sha256, reader.layers(run.id),
            [(one.layer, one.images, one.labels.tolist()) for one in kept],
            reader.kept(run.id, "kind", "key"),
        )  # fmt: skip
    names = {summary.id: summary.uuid for summary in reader.summaries()}
    pairs = looking.rows(url, "SELECT run_a, run_b, result FROM comparisons")
    found["pairs"] = sorted((names[a], names[b], bytes(result)) for a, b, result in pairs)
    slim = looking.rows(url, "SELECT run_before, run_after, output FROM slimmings")
    found["slim"] = [(names.get(a), names.get(b), output) for a, b, output in slim]
    return found


@pytest.mark.parametrize(("one", "other"), list(itertools.product(KINDS, KINDS)))
def test_runs_go_there_and_back_and_are_the_same(
    make: Callable[[str], str], one: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = make(one), make(other)
    fill(source)
    before = everything(source)
    assert main(["move", source, target]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == [
        f"run {number} (run {number}) is run {number} now" for number in (1, 2, 3)
    ]
    assert everything(target) == before
    assert StoreReader(source).summaries() == ()
    # And back, one by one, into the store that they left; a digest says the same everywhere.
    for number in (1, 2, 3):
        assert main(["move", target, source, f"run {number}"]) == 0
    back = capsys.readouterr().out.splitlines()
    assert [line.rpartition(" ")[2] for line in back] == [line.rpartition(" ")[2] for line in said]
    again = everything(source)
    assert {key: again[key] for key in before if key not in ("pairs", "slim")} == {
        key: before[key] for key in before if key not in ("pairs", "slim")
    }
    # The numbers of what left are not given again.
    assert sorted(run.id for run in StoreReader(source).runs()) == [4, 5, 6]


def test_what_is_kept_stays_and_is_not_brought_twice(
    make: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = make("sqlite"), make("postgresql")
    fill(source)
    before = everything(source)
    for _ in range(2):
        assert main(["move", "--keep", source, target, "1", "run 3"]) == 0
    assert everything(source) == before
    assert [run.name for run in StoreReader(target).runs()] == ["run 3", "run 1"]
    assert looking.rows(target, "SELECT count(*) FROM comparisons") == [(1,)]
    # Written on there, it is another run: neither is lost.
    edit_run(target, 1, note="seen there")
    assert main(["move", source, target, "1"]) == STORE
    text = capsys.readouterr().err
    assert "what is said of it" in text
    assert len(text.splitlines()) == 1
    assert everything(source) == before


@pytest.mark.process
@pytest.mark.parametrize(("one", "other"), [KINDS, KINDS[::-1]])
def test_a_killed_move_goes_on_where_it_stopped(
    make: Callable[[str], str], one: str, other: str
) -> None:
    source, target = make(one), make(other)
    fill(source)
    before = everything(source)
    for steps in (2, 1):
        command = [sys.executable, "-m", "tests.db.moving", source, target]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(steps):
                read_until(process, "moved")
            process.send_signal(signal.SIGKILL)
            process.wait()
        half = StoreReader(target).runs()[-1]
        assert half.name == "run 1 (on its way)"
        assert half.state is RunState.HALF_DELETED
        assert 0 < half.stored <= 150
        with pytest.raises(RunBusy):
            RunWriter.resume(target, str(half.id))
    assert main(["move", source, target]) == 0
    assert everything(target) == before
    assert StoreReader(source).summaries() == ()


def test_a_part_that_arrived_can_be_thrown_away(make: Callable[[str], str]) -> None:
    source, target = make("sqlite"), make("postgresql")
    fill(source)

    class Enough(Exception):
        pass

    def stop(count: int) -> None:
        if count:
            raise Enough

    with closing(Move(source, target)) as move, pytest.raises(Enough):
        move.copy(move.runs(["1"])[0], stop)
    fall_silent_for_certain(target)
    delete_run(target, 1)
    assert StoreReader(target).summaries() == ()
    assert main(["move", source, target]) == 0


@pytest.mark.process
def test_a_run_that_is_collected_stays_and_the_others_go(
    make: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = make("postgresql"), make("sqlite")
    with RunWriter.begin(source, new_run(name="over")) as writer:
        writer.append(batch(0, 4))
        writer.finish()
    with collecting(source, "hold") as process:
        read_until(process, "stored 4")
        assert main(["move", source, target]) == STORE
        assert "run 2 (trial) is being collected" in capsys.readouterr().err
        assert [run.name for run in StoreReader(source).runs()] == ["trial"]
        assert main(["move", source, target, "trial"]) == STORE
        process.kill()
        process.wait()
    # What its collector left is interrupted where it arrives, and can be gone on with there.
    assert main(["move", source, target]) == 0
    run = StoreReader(target).run("trial")
    assert (run.state, run.stored) == (RunState.INTERRUPTED, 4)
    with RunWriter.resume(target, "trial") as writer:
        writer.append(batch(4, 4))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE images SET pixels = gap WHERE run_id = 1 AND ordinal = 149",
        "DELETE FROM feature_maps WHERE run_id = 1 AND ordinal = 3",
        "UPDATE correlation_states SET n = n + 1 WHERE run_id = 1",
        "UPDATE runs SET correct = correct + 1",
    ],
)
def test_what_arrives_changed_is_told_and_stays_in_both(
    make: Callable[[str], str], change: str
) -> None:
    source, target = make("sqlite"), make("postgresql")
    fill(source)
    with closing(Move(source, target)) as move:
        row = move.runs(["1"])[0]
        move.copy(row, lambda _: None)
        assert looking.change(target, change) > 0
        with pytest.raises(StoreError, match="is not there as it is"):
            move.copy(row, lambda _: None)
    assert StoreReader(source).run(1).stored == StoreReader(target).run(1).stored == 150


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_is_not_moved_into_itself(
    make: Callable[[str], str], kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make(kind)
    fill(source)
    if kind == "sqlite":
        (tmp_path / "link.db").symlink_to(source)
        others = [source, str(tmp_path / "link.db"), f"sqlite:///{source}"]
    else:
        others = [source, f"{source}&application_name=other"]
    for other in others:
        assert main(["move", source, other]) == STORE
        assert "that is the store the runs are in" in capsys.readouterr().err
    assert len(StoreReader(source).runs()) == 3


def test_stores_and_runs_that_are_not_there_are_told_in_one_line(
    make: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    source = make("sqlite")
    assert main(["move", source, make("postgresql")]) == STORE
    fill(source)
    for words in (
        [source, "postgresql://x@/y?host=/nowhere"],
        ["postgresql://x:sesame@/y?host=/nowhere", source],
        [source, make("postgresql"), "nobody"],
        [source, "/nowhere/at/all.db"],
    ):
        assert main(["move", *words]) == STORE
        text = capsys.readouterr().err.splitlines()[-1]
        assert text.startswith("python -m reactcnn_dash: ")
        assert "sesame" not in text
    assert len(StoreReader(source).runs()) == 3


def shared_run(url: str, *, whole: bool) -> None:
    """A run that two workers shared: finished, or with a gap before what one of them stored."""
    with enter(url) as one, enter(url) as other:
        first, second = one.take(), other.take()
        assert first is not None
        assert second is not None
        step(one, first)
        finish(other, second)
        if whole:
            finish(one, first)
            while (lease := one.take()) is not None:
                finish(one, lease)
        other.leave()
        one.leave()


@pytest.mark.parametrize("whole", [True, False], ids=["finished", "interrupted"])
@pytest.mark.parametrize(("one", "other"), list(itertools.product(KINDS, KINDS)))
def test_a_shared_run_is_moved_with_what_lies_behind_its_gaps_and_goes_on(
    make: Callable[[str], str], one: str, other: str, whole: bool, tmp_path: Path
) -> None:
    source, target = make(one), make(other)
    shared_run(source, whole=whole)
    before = everything(source)
    known = StoreReader(source).run(1).shared
    assert known is not None
    assert known.images == (TOTAL if whole else RANGE + 4)
    assert main(["move", source, target]) == 0
    assert everything(target) == before
    assert StoreReader(target).run(1).shared == known
    assert StoreReader(source).summaries() == ()
    if not whole:
        with enter(target) as shared:
            while (lease := shared.take()) is not None:
                finish(shared, lease)
            shared.leave()
    run = StoreReader(target).run(1)
    assert (run.state, run.stored) == (RunState.FINISHED, TOTAL)
    assert np.array_equal(StoreReader(target).gap_rows(1, 0, TOTAL), batch(0, TOTAL).gap)
    for layer in (0, 1):
        kept, true = StoreReader(target).correlation_state(1, layer), state(layer, TOTAL)
        assert kept is not None
        assert kept.covered == kept.n == TOTAL
        assert np.abs(kept.comoment - true.comoment).max() <= 1e-10 * np.abs(true.comoment).max()


@pytest.mark.parametrize(("one", "other"), [KINDS, KINDS[::-1]])
def test_a_shared_run_that_is_at_work_or_has_a_namesake_there_is_refused_in_one_line(
    make: Callable[[str], str], one: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = make(one), make(other)
    with enter(source) as worker:
        lease = worker.take()
        assert lease is not None
        step(worker, lease)
        assert main(["move", source, target]) == STORE
        said = capsys.readouterr().err.strip()
        assert "collected by another process" in said
        assert "\n" not in said
        worker.leave()
    shared_run(target, whole=False)
    before = everything(source), everything(target)
    assert main(["move", source, target]) == STORE
    said = capsys.readouterr().err.strip()
    assert "is shared by the name 'trial' already" in said
    assert "\n" not in said
    assert (everything(source), everything(target)) == before
