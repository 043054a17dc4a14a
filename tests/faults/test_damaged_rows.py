"""Rows that hold what they may not: pages and commands say so in a line, and go on."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from collector.cli import main as collect
from reactcnn_dash import open_store
from reactcnn_dash.app import create_server
from reactcnn_dash.cli import main
from reactcnn_dash.db import DamagedRow, StoreReader
from reactcnn_dash.jobs.runner import Jobs
from reactcnn_dash.results.redundancy.stability import STABILITY, stability_settings
from tests.faults import damaged

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.process, pytest.mark.long]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a row in every table."""
    path = tmp_path_factory.mktemp("filled") / "store.db"
    damaged.fill(path)
    with closing(sqlite3.connect(path)) as raw:
        for table in {column.table.name for column in damaged.columns()}:
            assert raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0], table
    return path


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    shutil.copy(filled, path)
    return path


class Looking:
    """One server over a store that changes under it, as one that others have damaged."""

    def __init__(self, store: Path) -> None:
        url = f"sqlite:///{store}"
        server = create_server(StoreReader(url), url, Jobs())
        server.config["PROPAGATE_EXCEPTIONS"] = False
        self._store, self._http = store, server.test_client()

    def __call__(self) -> list[tuple[str, int, str]]:
        """Give what the pages are answered; nothing is known to the server beforehand."""
        with closing(sqlite3.connect(self._store)) as raw, raw:
            raw.execute("UPDATE runs SET uuid = lower(hex(randomblob(16)))")
        return damaged.look(self._http, *uuids(self._store))


def looked_at(store: Path) -> list[tuple[str, int, str]]:
    return Looking(store)()


def uuids(store: Path) -> tuple[str, ...]:
    with closing(sqlite3.connect(store)) as raw:
        rows = raw.execute("SELECT uuid FROM runs ORDER BY id").fetchall()
    return tuple(str(row[0]) for row in rows)


def chosen(column: Any) -> Any:
    """One of the values that a column may not hold, the same each time."""
    values = damaged.values_for(column)
    return values[zlib.crc32(str(column).encode()) % len(values)]


@pytest.mark.parametrize("table", sorted({one.table.name for one in damaged.columns()}))
def test_no_value_of_any_column_is_an_error_of_the_server(
    filled: Path, store: Path, table: str
) -> None:
    look = Looking(store)
    for column in damaged.columns():
        if column.table.name != table:
            continue
        shutil.copy(filled, store)
        value = chosen(column)
        damaged.damage(store, column, value)
        for address, status, text in look():
            assert status != 500, (str(column), value, address)
            assert "Unexpected error" not in text, (str(column), value, address)


def test_the_other_runs_are_listed_and_the_damaged_one_is_named(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(store)) as raw, raw:
        raw.execute("UPDATE runs SET tags = '{}' WHERE id = 4")
        raw.execute("UPDATE runs SET created_at = 'yesterday' WHERE id = 2")
    reader = StoreReader(str(store))
    listing = reader.listing()
    assert [one.id for one in listing.runs] == [6, 5, 3, 1]
    assert [one.id for one in reader.runs()] == [6, 5, 3, 1]
    assert [one.split(" is ")[0] for one in listing.damaged] == ["Run 4", "Run 2"]
    assert "runs.tags holds an object" in listing.damaged[0]
    assert "runs.created_at holds text" in listing.damaged[1]
    assert main(["runs", "--store", str(store)]) == 4
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1 + 4
    assert said.err.splitlines() == list(listing.damaged)
    with pytest.warns(UserWarning, match="is left out") as warned:
        assert list(open_store(str(store)).runs().index) == [6, 5, 3, 1]
    assert [str(one.message) for one in warned] == list(listing.damaged)
    answers = {address: text for address, _, text in looked_at(store)}
    assert "Run 4 is left out" in answers["/runs/_dash-update-component runs-answer.data"]
    assert "#5" in answers["/redundancies/runs"]


def test_whatever_a_runs_options_hold_is_told_in_a_line(store: Path) -> None:
    look, reader = Looking(store), StoreReader(str(store))
    for options in damaged.JSONS:
        with closing(sqlite3.connect(store)) as raw, raw:
            raw.execute("UPDATE runs SET options = ? WHERE id = 4", (options,))
        if (isinstance(options, str) and options.startswith('{"a"')) or options == "{}":
            # What is not read here may be anything.
            assert reader.run(4).options is not None
        else:
            with pytest.raises(DamagedRow, match=r"run 4: runs\.options holds"):
                reader.run(4)
        for address, status, text in look():
            assert status != 500, (options, address, text[:200])


def test_every_command_says_it_in_a_line(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(store)) as raw, raw:
        raw.execute("UPDATE runs SET options = '[]' WHERE id = 4")
    for command in (
        ["redundancy", "4"], ["prune", "4", "--keep", "maps:3", "--yes"],
        ["export", "4", "--to", str(tmp_path / "out"), "--format", "npz"],
        ["report", "4", "--output", str(tmp_path / "a.html")],
        ["compare", "4", "5"], ["fault", "4", "5"],
    ):  # fmt: skip
        assert main([*command, "--store", str(store)]) == 4, command
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1), said
        assert "a value of a run is damaged (run 4: runs.options holds a list)" in said.err
    assert main(["move", "--keep", str(store), str(tmp_path / "b.db"), "4"]) == 4
    for words in (["rebuild", "4"], ["--resume", "4"]):
        assert collect([*words, "--store", str(store)]) == 4
    assert capsys.readouterr().err.count("\n") == 3
    assert main(["copy", str(tmp_path / "c.db"), "--store", str(store)]) == 0


DEEP: dict[str, list[Any]] = {
    "receptive_fields": [3, [3, 3, 3], ["all"] * 3, [[[1, 1], [1, 1]]] * 3, [[]] * 3],
    "wiring": [[], {"taps": 3}, {"taps": [1, 2, 3]}, {"taps": [[9], [], []]}],
    "rounding": [[], {}, {"images": "x"}, {"images": 1, "layers": []}],
    "costs": [[], {}, {"layers": 3}, {"layers": [{}], "whole": []}],
}


def test_a_run_without_what_is_drawn_of_its_network_is_shown(store: Path) -> None:
    look = Looking(store)
    for name, values in DEEP.items():
        for value in values:
            options = json.dumps({name: value, "precision": "bfloat16"})
            with closing(sqlite3.connect(store)) as raw, raw:
                raw.execute("UPDATE runs SET options = ? WHERE id = 4", (options,))
            for address, status, text in look():
                assert status == 200, (options, address, text[:200])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("image_shape", "[0, 8, 3]"), ("image_shape", "[-8, 8, 3]"), ("image_shape", "[8, 8]"),
        ("image_shape", "[99999, 99999, 3]"), ("gap_low", "[0]"), ("class_names", '["\\ud800"]'),
        ("options", '{"thresholds": [0.5], "answers": "labels"}'), ("stored", 1), ("stored", -80),
        ("stored", 2**40), ("state", "stalled"), ("state", "x"), ("feature_maps", "last:0"),
        ("name", b"\xff\xfe"), ("rate", 9e999), ("heartbeat_at", "0001-01-01 00:00:00.000000"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_damaged_too(store: Path, column: str, value: Any) -> None:
    with closing(sqlite3.connect(store)) as raw, raw:
        raw.execute(f"UPDATE runs SET {column} = ? WHERE id = 4", (value,))
    reader = StoreReader(str(store))
    with pytest.raises(DamagedRow, match="run 4: runs") as told:
        reader.run(4)
    assert "\n" not in str(told.value)
    assert reader.run(5).name == "two"
    assert 4 not in [run.id for run in reader.runs()]


def test_a_damaged_run_can_be_deleted(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(store)) as raw, raw:
        raw.execute("UPDATE runs SET options = '[]', tags = 3, gap_low = 'x' WHERE id = 4")
    assert main(["delete", "4", "--yes", "--store", str(store)]) == 0
    assert "Deleted one" in capsys.readouterr().out
    assert [run.id for run in StoreReader(str(store)).runs()] == [6, 5, 3, 2, 1]


@pytest.mark.parametrize(
    ("column", "value"),
    [("filters", 2**31 - 1), ("filters", 0), ("gap_offset", 3), ("position", 7), ("height", 0)],
)
def test_layers_that_do_not_follow_each_other_are_told(
    store: Path, column: str, value: int
) -> None:
    with closing(sqlite3.connect(store)) as raw, raw:
        raw.execute(f"UPDATE layers SET {column} = ? WHERE run_id = 4 AND name = 'conv2'", (value,))
    with pytest.raises(DamagedRow, match="layers: conv"):
        StoreReader(str(store)).layers(4)
    assert all(status != 500 for _, status, _ in looked_at(store))


KEPT: dict[str, bytes] = {
    "nothing": b"",
    "an archive": b"PK\x03\x04",
    "a list": zlib.compress(b"[]"),
    "a number": zlib.compress(b"3"),
    "nested": zlib.compress(b"[" * 5000),
}


def test_a_kept_result_of_another_kind_is_worked_out_again(store: Path) -> None:
    look = Looking(store)
    # Without those of the runs, whose ids are new for each look.
    known = ("/filters/tops", "/comparisons/layer", "/slims/predicted")
    before = {address: text for address, _, text in look() if address.startswith(known)}
    assert len(before) == len(known)
    for name, data in KEPT.items():
        with closing(sqlite3.connect(store)) as raw, raw:
            raw.execute("UPDATE reports SET value = ?", (data,))
            raw.execute("UPDATE comparisons SET result = ?", (data,))
        for address, status, text in look():
            assert status == 200, (name, address, text[:200])
            assert text == before.get(address, text)


@pytest.mark.parametrize("values", [{"enough": "many"}, {"images": None}, {"bootstrap": [[1]]}])
def test_a_kept_result_with_fields_of_another_kind_is_none(
    store: Path, values: dict[str, Any]
) -> None:
    reader = StoreReader(str(store))
    run, settings = reader.run(4), stability_settings(1, 0.7)
    assert STABILITY.find(reader, run, settings) is not None
    with closing(sqlite3.connect(store)) as raw, raw:
        where = "WHERE run_id = 4 AND kind = 'stability'"
        (kept,) = raw.execute(f"SELECT value FROM reports {where}").fetchone()
        raw.execute(
            f"UPDATE reports SET value = ? {where}", (json.dumps(json.loads(kept) | values),)
        )
        raw.execute(f"UPDATE reports SET value = CAST(value AS BLOB) {where}")
    assert STABILITY.find(reader, run, settings) is None
