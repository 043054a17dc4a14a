"""What a poll costs, by SQLite's own account: its plans and the steps of its virtual machine."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import Engine, event

from reactcnn_dash.db import Clustering, RunWriter, StoreReader, save_clustering
from tests.db.samples import batch, new_run, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass
class Account:
    """The statements that were run and how many steps SQLite took for them."""

    statements: list[str] = field(default_factory=list)
    steps: int = 0

    def step(self) -> int:
        self.steps += 1
        return 0


@contextmanager
def accounting() -> Iterator[Account]:
    account = Account()

    def watch(raw: sqlite3.Connection, _record: object) -> None:
        raw.set_trace_callback(account.statements.append)
        raw.set_progress_handler(account.step, 1)

    event.listen(Engine, "connect", watch)
    try:
        yield account
    finally:
        event.remove(Engine, "connect", watch)


def reads(url: str) -> dict[str, Callable[[], object]]:
    reader = StoreReader(url)
    uuid = reader.run(1).uuid
    return {
        "newest frame": lambda: reader.frame(None, None),
        "a frame": lambda: reader.frame(1, 20),
        "latest run": reader.latest_run,
        "layers": lambda: reader.layers(1),
        "image": lambda: reader.image(1, 20),
        "gap row": lambda: reader.gap_row(1, 20),
        "pixels": lambda: reader.pixels(uuid, 20),
        "maps": lambda: reader.feature_maps(uuid, 20, 1),
        "next wrong": lambda: reader.nearest_misclassified(1, 5, forward=True),
        "previous wrong": lambda: reader.nearest_misclassified(1, 20, forward=False),
        "state": lambda: reader.correlation_state(1, 1),
        "clustering": lambda: reader.clustering(1, 0, "louvain", 1.0),
        "that clustering": lambda: reader.clustering(1, 0, "louvain", 1.0, images=40),
    }


def fill(path: Path, images: int) -> str:
    """A store whose first and last image are wrong and whose other ones are right."""
    url = str(path)
    with RunWriter.begin(url, new_run()) as writer:
        for start in range(0, images, 40):
            chunk = batch(start, 40)
            chunk.labels[:] = chunk.probabilities.argmax(axis=1)
            if start == 0:
                chunk.labels[0] = (chunk.labels[0] + 1) % 3
            if start + 40 == images:
                chunk.labels[-1] = (chunk.labels[-1] + 1) % 3
            writer.append(chunk)
        writer.save_states([state(1, 4)])
    return url


LABELS = np.zeros(3, np.int32)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = fill(tmp_path_factory.mktemp("small") / "x.db", 80)
    save_clustering(url, 1, Clustering(0, "louvain", 1.0, 40, LABELS))
    return url


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = fill(tmp_path_factory.mktemp("large") / "x.db", 3200)
    for images in range(40, 1600, 40):
        save_clustering(url, 1, Clustering(0, "louvain", 1.0, images, LABELS))
    return url


NAMES = [
    "newest frame", "a frame", "latest run", "layers", "image", "gap row", "pixels", "maps",
    "next wrong", "previous wrong", "state", "clustering", "that clustering",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_read_of_a_poll_goes_by_key(large: str, name: str) -> None:
    read = reads(large)[name]
    with accounting() as account:
        assert read() is not None
    selects = [text for text in account.statements if text.startswith("SELECT")]
    assert len(selects) >= 2
    with closing(sqlite3.connect(large)) as raw:
        for statement in selects:
            for *_, plan in raw.execute(f"EXPLAIN QUERY PLAN {statement}"):
                # The table of the schema's version has one row.
                if plan != "SCAN alembic_version":
                    assert plan.startswith(("SEARCH", "SCALAR SUBQUERY")), (plan, statement)


@pytest.mark.parametrize("name", NAMES)
def test_a_poll_costs_the_same_however_many_images_there_are(
    small: str, large: str, name: str
) -> None:
    steps = []
    for url in (small, large):
        read = reads(url)[name]
        with accounting() as account:
            assert read() is not None
        steps.append(account.steps)
    assert steps[0] > 10
    assert steps[0] == steps[1]


def test_a_batch_costs_the_same_however_many_images_there_are(tmp_path: Path) -> None:
    with accounting() as account:
        writer = RunWriter.begin(str(tmp_path / "x.db"), new_run(feature_maps="last:8"))
        with writer:
            costs, first = [], batch(0, 8)
            # Of the same kinds in every batch: each kind is counted, and one that was predicted
            # wrongly has an index entry more.
            for start in range(0, 400, 8):
                before = account.steps
                made = dataclasses.replace(
                    batch(start, 8), labels=first.labels, probabilities=first.probabilities
                )
                writer.append(made)
                costs.append(account.steps - before)
    assert max(costs[2:]) - min(costs[2:]) < 0.05 * min(costs[2:])


def test_a_read_opens_nothing_for_writing(small: str) -> None:
    reader = StoreReader(small)
    with accounting() as account:
        reader.frame(None, None)
        # SQLAlchemy looks at the first connection of an engine on its own account.
        account.statements.clear()
        reader.frame(None, None)
    assert {text.split()[0] for text in account.statements} == {"BEGIN", "SELECT", "COMMIT"}
    refused = []

    def try_to_write(raw: sqlite3.Connection, _record: object) -> None:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            raw.execute("DELETE FROM runs")
        refused.append(raw)

    event.listen(Engine, "connect", try_to_write)
    try:
        reader.frame(None, None)
    finally:
        event.remove(Engine, "connect", try_to_write)
    assert len(refused) == 1
    # Nothing stays open between calls.
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        refused[0].execute("SELECT 1")
