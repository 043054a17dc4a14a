"""What is kept: in memory as long as it may stand, else from the store, else by a job."""

from __future__ import annotations

from typing import Any

import pytest

from reactcnn_dash.db import StoreMissing, StoreReadOnly
from reactcnn_dash.jobs.kept import Kept, found_or_computed, keep
from reactcnn_dash.jobs.runner import Jobs, UnderWay


def test_what_is_found_is_not_computed() -> None:
    def never(*_: Any) -> Any:
        pytest.fail("it is there already")

    assert found_or_computed(lambda: 3, never, never) == 3
    assert found_or_computed(lambda: 0, never, never) == 0


def test_what_is_computed_is_stored() -> None:
    stored: list[int] = []
    assert found_or_computed(lambda: None, lambda: 4, stored.append) == 4
    assert stored == [4]


def test_a_store_that_cannot_be_written_costs_the_stored_copy_only() -> None:
    def refuse(_value: int) -> None:
        raise StoreReadOnly("read-only")

    assert found_or_computed(lambda: None, lambda: 4, refuse) == 4
    assert not keep(lambda: refuse(4))
    assert keep(lambda: None)
    assert keep(lambda: True)
    assert not keep(lambda: False)


def test_a_store_that_cannot_be_read_is_an_error() -> None:
    def missing() -> int | None:
        raise StoreMissing("gone")

    with pytest.raises(StoreMissing):
        found_or_computed(missing, lambda: 4, lambda _: None)


class Slow(Jobs):
    """Has an answer when it is asked the second time."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def ask(self, name: Any, work: Any, *args: Any) -> Any:
        self.asked.append(name)
        return UnderWay(1, 2) if len(self.asked) % 2 else work(*args)


def test_a_job_is_asked_until_it_is_done_and_then_remembered() -> None:
    jobs = Slow()
    kept: Kept[str] = Kept(jobs, "kind", 2)

    def ask(key: int, stands: bool = True) -> str | UnderWay:
        return kept.ask(key, lambda: None, lambda _: stands, str, key)

    assert [ask(1), ask(1), ask(1)] == [UnderWay(1, 2), "1", "1"]
    assert jobs.asked == [("kind", 1)] * 2
    # One that may stand no longer is asked for again.
    assert ask(1, stands=False) == UnderWay(1, 2)
    assert ask(1, stands=False) == "1"


def test_what_the_store_has_needs_no_job_and_is_read_once() -> None:
    kept: Kept[str] = Kept(Slow(), "kind", 2)
    read: list[int] = []

    def find() -> str:
        read.append(1)
        return "stored"

    for _ in range(3):
        assert kept.ask("key", find, lambda _: True, str) == "stored"
    assert read == [1]


def test_the_result_of_a_job_is_taken_even_where_the_store_has_it_by_now() -> None:
    jobs = Slow()
    stored: list[str] = []
    kept: Kept[str] = Kept(jobs, "kind", 2)

    def ask(*, stands: bool = True) -> str | UnderWay:
        return kept.ask(
            "key", lambda: stored[-1] if stands and stored else None, lambda _: stands, str, "job"
        )

    assert ask() == UnderWay(1, 2)
    stored.append("stored")
    assert ask() == "job"
    # Nothing is left behind that could be taken for the result of a later job.
    assert len(jobs.asked) == 2
    assert ask(stands=False) == UnderWay(1, 2)
