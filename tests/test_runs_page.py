"""The runs page behind its table: what changed in the list, what is written, what is deleted."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from reactcnn_dash.app import create_server
from reactcnn_dash.callbacks.runs_table import answer, deleted, edited
from reactcnn_dash.db import (
    Deleted,
    RunDeletion,
    RunState,
    RunWriter,
    StoreReader,
    delete_run,
    edit_run,
)
from reactcnn_dash.jobs.runner import Jobs, Workers
from reactcnn_dash.results.deleting import Deleter
from reactcnn_dash.results.runs import RunsFeed, row_of
from reactcnn_dash.results.text import duration_text, number_text, percent_text, size_text
from tests import looking, stores
from tests.silence import fall_silent, fall_silent_for_certain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from reactcnn_dash.pages.runs.shapes import News, RunsAnswer
    from reactcnn_dash.results.runs import RunRow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def deleter(url: str) -> Iterator[Deleter]:
    made = Deleter(url)
    yield made
    made.close()


class Page:
    """A page that keeps the list as the browser does: by the changes that it is told."""

    def __init__(self, url: str, feed: RunsFeed, deleter: Deleter) -> None:
        self._url, self._feed, self._deleter = url, feed, deleter
        self._version: int | None = None
        self._heard: int | None = None
        self.rows: dict[int, RunRow] = {}
        self.told: list[News] = []

    def look(self) -> RunsAnswer:
        request = {"version": self._version, "heard": self._heard, "now": True}
        found = answer(self._feed, self._deleter, self._url, request)
        self._heard = found["heard"]
        self.told += found["news"]
        if "rows" in found:
            if found["whole"]:
                self.rows = {}
            self.rows |= {row["id"]: row for row in found["rows"]}
            for run_id in found["removed"]:
                self.rows.pop(run_id, None)
            self._version = found["version"]
        return found


@pytest.fixture
def page(url: str, deleter: Deleter) -> Page:
    return Page(url, RunsFeed(StoreReader(url)), deleter)


def truth(url: str) -> dict[int, RunRow]:
    return {run.id: row_of(run) for run in StoreReader(url).summaries()}


def settled(deleter: Deleter) -> None:
    """Wait until nothing is being deleted."""
    while deleter.pending():
        threading.Event().wait(0.01)


def test_a_row_says_what_the_run_says(path: Path, url: str) -> None:
    stores.make_store(path, 9)
    edit_run(url, 1, tags=["a"], note="n")
    run = StoreReader(url).run(1)
    row = truth(url)[1]
    assert row["accuracy"] == pytest.approx(run.correct / run.labelled)
    assert (row["stored"], row["total"], row["bytes"]) == (9, 9, run.size)
    assert (row["tags"], row["note"], row["state"]) == (["a"], "n", "finished")
    assert row["sha256"] == run.checkpoint.sha256
    assert run.ended_at is not None
    assert row["seconds"] == pytest.approx(
        (run.ended_at - run.created_at).total_seconds(), abs=0.06
    )
    assert datetime.fromisoformat(row["started"]) == run.created_at.replace(microsecond=0)


def test_only_what_changed_is_told_and_it_adds_up(path: Path, url: str, page: Page) -> None:
    for name in ("one", "two", "three"):
        stores.make_store(path, 4, name=name)
    first = page.look()
    assert first["whole"]
    assert len(first["rows"]) == 3
    assert page.look()["rows"] == []
    edit_run(url, 2, name="second")
    found = page.look()
    assert (found["whole"], [row["id"] for row in found["rows"]]) == (False, [2])
    delete_run(url, 1)
    writer = RunWriter.begin(url, stores.new_run("four"))
    found = page.look()
    assert ([row["id"] for row in found["rows"]], found["removed"]) == ([4], [1])
    assert page.rows == truth(url)
    stores.append(writer, stores.truth(4), 0, 4)
    assert [row["stored"] for row in page.look()["rows"]] == [4]
    writer.close()
    assert page.rows == truth(url)


def test_a_page_that_looks_seldom_is_told_the_same(
    path: Path, url: str, page: Page, deleter: Deleter
) -> None:
    feed = RunsFeed(StoreReader(url))
    often, seldom = Page(url, feed, deleter), Page(url, feed, deleter)
    stores.make_store(path, 4, name="one")
    stores.make_store(path, 4, name="two")
    seldom.look()
    for step in range(4):
        edit_run(url, 1, note=f"step {step}")
        often.look()
    delete_run(url, 2)
    often.look()
    seldom.look()
    assert often.rows == seldom.rows == truth(url)


def test_a_page_left_open_over_a_restart_is_told_everything(
    path: Path, url: str, page: Page
) -> None:
    stores.make_store(path, 4, name="one")
    page.look()
    page._feed = RunsFeed(StoreReader(url))
    assert page.look()["whole"]


def test_a_run_that_falls_silent_becomes_stalled_on_the_page(
    path: Path, url: str, page: Page
) -> None:
    RunWriter.begin(url, stores.new_run("slow")).close()
    page.look()
    assert page.rows[1]["state"] == "collecting"
    fall_silent(path)
    page.look()
    assert page.rows[1]["state"] == "stalled"


def test_pages_that_look_at_once_share_one_reading(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores.make_store(path, 4)
    monkeypatch.setattr("reactcnn_dash.results.runs.FRESH_SECONDS", 3600.0)
    feed = RunsFeed(StoreReader(url))
    known = feed.since(None).version
    edit_run(url, 1, note="new")
    assert feed.since(known).rows == []
    assert [row["note"] for row in feed.since(known, now=True).rows] == ["new"]


def test_a_missing_an_empty_and_a_foreign_store(path: Path, url: str, page: Page) -> None:
    assert page.look()["empty"]["title"] == "No store yet"
    path.touch()
    assert page.look()["empty"]["title"] == "The store has no runs yet"
    path.write_text("no database, but a text of some length")
    found = page.look()
    assert "not a store" in found["notice"]
    assert "rows" not in found


def test_edits_and_their_refusals(path: Path, url: str) -> None:
    stores.make_store(path, 4)
    assert edited(url, {"id": 1, "name": "better"}) == {"id": 1}
    assert edited(url, {"id": 1, "tags": ["x", "y"]}) == {"id": 1}
    assert StoreReader(url).run("better").tags == ("x", "y")
    assert "a run needs a name" in edited(url, {"id": 1, "name": ""})["notice"]
    assert "no run 7" in edited(url, {"id": 7, "name": "x"})["notice"]


def test_runs_are_deleted_in_the_background_and_every_page_is_told(
    path: Path, url: str, page: Page, deleter: Deleter
) -> None:
    for name in ("one", "two", "three"):
        stores.make_store(path, 80, name=name)
    page.look()
    assert deleted(deleter, {"ids": [1, 3, 9]}) == {"refused": []}
    settled(deleter)
    page.look()
    assert list(page.rows) == [2], page.told
    texts = [one["text"] for one in page.told]
    assert [text.split(":")[0] for text in texts] == ["Deleted one", "Deleted three"]
    assert all("gave back" in text for text in texts)
    page.look()
    assert len(page.told) == 2
    assert path.parent.joinpath("store.db-wal").exists() is False


def test_a_page_opened_later_does_not_hear_old_news(
    path: Path, url: str, page: Page, deleter: Deleter
) -> None:
    stores.make_store(path, 4, name="one")
    deleter.ask([1])
    settled(deleter)
    page.look()
    assert page.told == []


def test_a_collecting_run_is_refused_and_the_others_go(
    path: Path, url: str, deleter: Deleter
) -> None:
    stores.make_store(path, 4, name="one")
    with RunWriter.begin(url, stores.new_run("live")) as writer:
        refused = deleted(deleter, {"ids": [1, 2]})["refused"]
        settled(deleter)
        assert len(refused) == 1
        assert "run 2 (live) is being collected" in refused[0]
        stores.append(writer, stores.truth(4), 0, 4)
    assert [run.id for run in StoreReader(url).summaries()] == [2]


def test_a_deletion_that_fails_is_told(path: Path, url: str, page: Page, deleter: Deleter) -> None:
    stores.make_store(path, 4, name="one")
    page.look()
    begin = RunDeletion.begin

    def taken_over(store: str, ref: int | str) -> RunDeletion:
        deletion = begin(store, ref)
        with closing(sqlite3.connect(path)) as raw, raw:
            raw.execute("UPDATE runs SET writer = 'elsewhere/- 1 x'")
        return deletion

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunDeletion, "begin", taken_over)
        assert deleter.ask([1]) == []
        settled(deleter)
    page.look()
    assert page.told[0]["failed"]
    assert "one could not be deleted" in page.told[0]["text"]
    assert "taken over" in page.told[0]["text"]


def test_a_server_that_ends_stops_between_two_steps_and_the_next_goes_on(
    path: Path, url: str
) -> None:
    stores.make_store(path, 400, name="large")
    first = Deleter(url)
    finish = RunDeletion.finish

    def ended_midway(deletion: RunDeletion, progress: Callable[[int], None]) -> Deleted:
        def step(left: int) -> None:
            if left < 400:
                first._stopping.set()
            progress(left)

        return finish(deletion, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunDeletion, "finish", ended_midway)
        first.ask([1])
        settled(first)
        first.close()
    half = StoreReader(url).run(1)
    # This process knows that it has ended; others see it when it falls silent.
    assert half.state is RunState.HALF_DELETED
    assert 0 < half.stored < 400
    second = Deleter(url)
    # A server of the same process lives on; one that ended is as silent as this.
    fall_silent_for_certain(path)
    second.go_on()
    settled(second)
    second.close()
    assert StoreReader(url).summaries() == ()


def test_a_new_server_leaves_alone_what_is_no_deletion_that_was_cut_short(
    path: Path, url: str
) -> None:
    for name in ("finished", "on its way", "being deleted"):
        stores.make_store(path, 4, name=name)
    # Of a run that comes from another store the images come first, and its layers last.
    looking.change(url, "DELETE FROM layers WHERE run_id = 2")
    looking.change(url, "UPDATE runs SET state = 'deleting' WHERE id = 2")
    RunDeletion.begin(url, 3)
    looking.change(url, "UPDATE runs SET writer = 'machine-that-is-gone 1 x' WHERE id = 2")
    deleter = Deleter(url)
    deleter.go_on()
    settled(deleter)
    deleter.close()
    assert [run.name for run in StoreReader(url).runs()] == [
        "being deleted",
        "on its way",
        "finished",
    ]
    jobs, begun = Workers(lambda: None), []
    jobs.when_started(lambda: begun.append(True))
    try:
        assert not begun
        jobs.start()
        assert begun == [True]
    finally:
        jobs.close()


def test_the_page_is_served_with_its_own_assets(path: Path, url: str) -> None:
    stores.make_store(path, 4)
    client = create_server(StoreReader(url), url, Jobs()).test_client()
    found = client.get("/runs/").text
    assert "/runs/table.mjs" in found
    assert "/live/" not in found


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (9949, "9.9 KB"), (9950, "10 KB"),
     (999_499, "999 KB"), (999_500, "1.0 MB"), (3_400_000_000, "3.4 GB"),
     (2_500_000_000_000, "2.5 TB"), (4_000_000_000_000_000, "4,000 TB")],
)  # fmt: skip
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3720, "1 h 02 min"), (273_600, "3 d 4 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.981, 1, "98.1 %"), (0.981, 2, "98.10 %"), (0.005, 0, "0 %"), (1, 0, "100 %"),
        (None, 1, "–"), (float("nan"), 2, "–"), (float("inf"), 0, "–"),
    ],
)  # fmt: skip
def test_shares(share: float | None, digits: int, text: str) -> None:
    assert percent_text(share, digits) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.9876, "0.988"), (-2, "-2.000"), (None, "–"), (float("nan"), "–")]
)
def test_numbers(value: float | None, text: str) -> None:
    assert number_text(value, 3) == text
