"""A PostgreSQL server restarted and killed under a writer: nothing is lost, nothing doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reactcnn_dash.db import (
    RunBusy,
    RunState,
    RunWriter,
    Shared,
    StoreError,
    StoreReader,
    StoreUnreachable,
)
from tests import looking
from tests.db.samples import LAYERS, batch, new_run, state
from tests.db.sharing import RANGE, TOTAL, enter, step
from tests.db.test_processes import collecting, read_until
from tests.silence import fall_silent_for_certain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.postgres import OwnServer

# A server that is stopped and killed is a process of the test's own.
pytestmark = pytest.mark.process


@pytest.fixture
def url(own_server: OwnServer) -> Iterator[str]:
    made = own_server.databases.make()
    yield made
    own_server.databases.drop(made)


def require_whole(url: str, run_id: int, known: int) -> int:
    """Every image that was acknowledged is there once, and no other; how many there are."""
    reader = StoreReader(url)
    stored = reader.run(run_id).stored
    # One batch may have been committed that the process had no time to speak of.
    assert stored in (known, known + 4)
    counted = "SELECT count(*), count(DISTINCT ordinal), max(ordinal) FROM images"
    assert looking.rows(url, counted) == [(stored, stored, stored - 1)]
    assert np.array_equal(reader.gap_rows(run_id, 0, 10**6), batch(0, stored).gap)
    with_maps = reader.images_with_maps(run_id)
    assert with_maps == tuple(range(max(0, stored - 20), stored))
    covered = reader.correlation_state(run_id, 1)
    assert covered is not None
    assert covered.covered == stored
    sizes = (
        "SELECT sum(length(probabilities) + length(pixels) + length(gap)) FROM images",
        "SELECT sum(length(scales) + length(codes)) FROM feature_maps",
        "SELECT sum(length(moments)) FROM correlation_states",
    )
    assert reader.run(run_id).size == sum(int(looking.rows(url, one)[0][0]) for one in sizes)
    return stored


def test_a_server_restarted_and_killed_again_and_again_costs_no_image(
    own_server: OwnServer, url: str
) -> None:
    chance = random.Random(3)
    with collecting(url, "begin") as process:
        seen = read_until(process, "stored")
        for end in (own_server.stop, own_server.kill) * 2:
            for _ in range(chance.randrange(1, 12)):
                seen = read_until(process, "stored")
            end()
            own_server.start()
            for _ in range(3):
                assert read_until(process, "stored") == seen + 4
                seen += 4
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read() if process.stdout else ""
        process.wait()
    said = [int(line.split()[1]) for line in rest.splitlines() if line.startswith("stored")]
    require_whole(url, 1, max([seen, *said]))


def test_a_commit_whose_answer_was_lost_is_not_made_again(
    own_server: OwnServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunWriter.begin(url, new_run(feature_maps="last:20")) as writer:
        writer.append(batch(0, 4), [state(layer, 4) for layer in (0, 1)])
        connection = writer.line.connection
        commit = connection.engine.dialect.do_commit
        answered: list[bool] = []

        def without_answer(raw: Any) -> None:
            """The server commits, and goes away before it says so."""
            commit(raw)
            if not answered:
                answered.append(True)
                own_server.kill()
                own_server.start()
                raw.execute("SELECT 1")

        monkeypatch.setattr(connection.engine.dialect, "do_commit", without_answer)
        writer.append(batch(4, 4), [state(layer, 8) for layer in (0, 1)])
        assert answered
        writer.save_states([state(layer, 8) for layer in (0, 1)])
        assert require_whole(url, 1, 8) == 8
        writer.finish()
    assert StoreReader(url).run(1).state is RunState.FINISHED


def worker(url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.db.sharing", url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_server_restarted_under_two_workers_of_one_run_costs_no_image(
    own_server: OwnServer, url: str
) -> None:
    workers = [worker(url) for _ in range(2)]
    for end in (own_server.stop, own_server.kill, own_server.kill):
        for one in workers:
            assert one.stdout is not None
            one.stdout.readline()
        end()
        own_server.start()
    for one in workers:
        _, errors = one.communicate(timeout=120)
        assert one.returncode == 0, errors
    reader = StoreReader(url)
    run = reader.run(1)
    assert (run.stored, run.state) == (TOTAL, RunState.FINISHED)
    counted = "SELECT count(*), count(DISTINCT ordinal), max(ordinal) FROM images"
    assert looking.rows(url, counted) == [(TOTAL, TOTAL, TOTAL - 1)]
    assert np.array_equal(reader.gap_rows(1, 0, TOTAL), batch(0, TOTAL).gap)
    assert (run.labelled, run.correct) == right_ones(TOTAL)
    assert int(reader.tally(run).images.sum()) == TOTAL
    for layer in LAYERS:
        kept, true = reader.correlation_state(1, layer.position), state(layer.position, TOTAL)
        assert kept is not None
        assert (kept.n, kept.covered) == (TOTAL, TOTAL)
        for name in ("mean", "comoment", "low", "high"):
            ours, theirs = getattr(kept, name), getattr(true, name)
            assert np.abs(ours - theirs).max() <= 1e-10 * np.abs(theirs).max(), name


def right_ones(count: int) -> tuple[int, int]:
    """How many of the first images have a label, and how many of these are right."""
    made = batch(0, count, maps=False)
    labelled = made.labels >= 0
    right = made.probabilities.argmax(axis=1) == made.labels
    return int(labelled.sum()), int((labelled & right).sum())


@pytest.mark.parametrize("change", ["take", "append", "leave"])
def test_what_a_worker_made_is_known_though_the_answer_was_lost(
    own_server: OwnServer, url: str, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with enter(url) as shared:
        lease = shared.take()
        assert lease is not None
        answered: list[bool] = []
        connection = shared.line.connection
        commit = connection.engine.dialect.do_commit

        def without_answer(raw: Any) -> None:
            """The server commits, and goes away before it says so."""
            commit(raw)
            if not answered:
                answered.append(True)
                own_server.kill()
                own_server.start()
                raw.execute("SELECT 1")

        monkeypatch.setattr(connection.engine.dialect, "do_commit", without_answer)
        if change == "take":
            second = shared.take()
            assert second is not None
            assert second.start == RANGE
            lease = second
        elif change == "append":
            assert step(shared, lease)
        else:
            shared.leave()
        assert answered
        if change != "leave":
            owners = "SELECT start FROM ranges WHERE owner IS NOT NULL ORDER BY start"
            mine = [(0,)] if change == "append" else [(0,), (RANGE,)]
            assert looking.rows(url, owners) == mine
            done = "SELECT sum(done) FROM ranges"
            before = int(looking.rows(url, done)[0][0])
            assert before == (4 if change == "append" else 0)
            assert step(shared, lease)
            assert int(looking.rows(url, done)[0][0]) == before + 4
            assert shared.progress().shared == Shared(workers=1, images=before + 4)
        else:
            assert looking.rows(url, "SELECT count(*) FROM workers") == [(0,)]
            assert StoreReader(url).run(1).state is RunState.INTERRUPTED


def test_a_reader_notices_nothing_of_a_restart(own_server: OwnServer, url: str) -> None:
    RunWriter.begin(url, new_run()).close()
    reader = StoreReader(url)
    for end in (own_server.stop, own_server.kill):
        assert reader.run(1).stored == 0
        end()
        with pytest.raises(StoreUnreachable) as error:
            reader.run(1)
        assert "\n" not in str(error.value)
        own_server.start()
    assert reader.run(1).stored == 0


def test_patience_ends_when_it_is_told_to_and_is_not_had_twice(
    own_server: OwnServer, url: str
) -> None:
    asked: list[float] = []

    def three_times(seconds: float, error: StoreUnreachable) -> bool:
        assert "\n" not in str(error)
        asked.append(seconds)
        return len(asked) < 3

    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 4))
        writer.line.patience = three_times
        own_server.stop()
        changes: list[Callable[[], None]] = [
            lambda: writer.append(batch(4, 4)),
            writer.interrupt,
        ]
        for change in changes:
            with pytest.raises(StoreUnreachable):
                change()
        assert len(asked) == 3
        own_server.start()
    fall_silent_for_certain(url)
    with RunWriter.resume(url, "1") as writer:
        assert writer.stored == 4
        writer.append(batch(4, 4))


def test_a_run_that_was_taken_over_meanwhile_is_left_to_its_new_writer(
    own_server: OwnServer, url: str
) -> None:
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 4))
        own_server.stop()
        own_server.start()
        looking.change(url, "UPDATE runs SET writer = 'somebody else', beat = beat + 1")
        with pytest.raises(RunBusy, match="taken over"):
            writer.append(batch(4, 4))
    assert StoreReader(url).run(1).stored == 4


def test_a_server_that_comes_back_with_less_is_told_of(own_server: OwnServer, url: str) -> None:
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 4))
        own_server.stop()
        own_server.start()
        # As a replica that had not heard of the last batch.
        looking.change(url, "DELETE FROM images WHERE ordinal > 1")
        looking.change(url, "UPDATE runs SET stored = 2, beat = 0")
        with pytest.raises(StoreError, match=r"without what it had acknowledged.*--resume 1"):
            writer.append(batch(4, 4))


def test_a_server_that_is_away_for_a_while_is_waited_for(own_server: OwnServer, url: str) -> None:
    gone = threading.Event()
    with RunWriter.begin(url, new_run(feature_maps="last:20")) as writer:
        writer.append(batch(0, 4), [state(layer, 4) for layer in (0, 1)])
        own_server.stop()

        def until_it_is_back(seconds: float, error: StoreUnreachable) -> bool:
            gone.set()
            return seconds < 60

        writer.line.patience = until_it_is_back

        def bring_back() -> None:
            gone.wait(60)
            own_server.start()

        bringing = threading.Thread(target=bring_back)
        bringing.start()
        writer.append(batch(4, 4), [state(layer, 8) for layer in (0, 1)])
        bringing.join()
    assert require_whole(url, 1, 8) == 8
