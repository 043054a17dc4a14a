"""A store with a row in every table, values that its columns may not hold, and who reads them."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sqlalchemy import JSON, Boolean, Double, Integer, LargeBinary

from collector.statistics import rebuild
from reactcnn_dash import ids
from reactcnn_dash.app import create_server
from reactcnn_dash.db import Kernel, RunWriter, StoreReader, replace_states
from reactcnn_dash.db.models import metadata
from reactcnn_dash.jobs.runner import Jobs
from tests import slimmed, stores
from tests.db.sharing import enter, finish

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

NO_TEXT: Final = b"\xff\xfe"
JSONS: Final = (
    "[]", "{}", '"x"', "3", "null", "[null]", '[["x"]]', '{"a": [1, {"b": null}]}', "[1e999]",
    "[" * 3000 + "]" * 3000, '["\\ud800"]', '{"name": 5, "answers": "x", "thresholds": [1]}', "NaN",
    NO_TEXT, 2.5, "[-1, 0, 1]", "[99999999, 99999999, 3]", '[9223372036854775808]',
)  # fmt: skip
"""JSON of kinds that are never written, and none."""
NUMBERS: Final = ("x", b"\x00\x01", 1.5, -5, 2**62, "")
FLAGS: Final = ("x", b"\x01", 7, -1, 0.5)
TEXTS: Final = (NO_TEXT, b"\x00" * 9)
TIMES: Final = ("x", 5, b"\xff", "0001-01-01 00:00:00.000000", "9999-12-31 23:59:59", 1e20)
BLOBS: Final = ("text", 5, 1.5, b"", b"RCB1")
REALS: Final = ("x", b"\xff", 9e999, "")


def values_for(column: Any) -> tuple[Any, ...]:
    """Give values that a column may not hold; NULL is one where it must be known."""
    inner = column.type.inner
    kinds: tuple[tuple[type, tuple[Any, ...]], ...] = (
        (JSON, JSONS), (Boolean, FLAGS), (Integer, NUMBERS), (LargeBinary, BLOBS), (Double, REALS),
    )  # fmt: skip
    for kind, values in kinds:
        if isinstance(inner, kind):
            return (*values, None)
    return (*(TIMES if "_at" in column.name else TEXTS), None)


def columns() -> list[Any]:
    """Give every column of every table whose value can be changed at all."""
    return [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        # What names a row by itself is the row's number in SQLite, which takes nothing else.
        if not (column.name == "id" and column.primary_key)
    ]


def fill(path: Path) -> None:
    """Make a store with at least a row in every table."""
    made = stores.truth(80)
    slimmed.write(path)
    rng = np.random.default_rng(3)
    kernels = tuple(
        Kernel(
            one.name,
            rng.random((one.filters, 3, 3, 3), np.float32) if not one.position else None,
            rng.random((one.filters, 3, 3), np.float32),
            rng.random((one.filters, 3), np.float32),
        )
        for one in stores.layers()
    )
    for name in ("one", "two"):
        new = dataclasses.replace(
            stores.new_run(name, 80),
            checkpoint_sha256=name[0] * 64,
            kernels=kernels,
            experiment="night",
            epoch=3,
        )
        with RunWriter.begin(str(path), new) as writer:
            for start in range(0, 80, 4):
                stores.append(writer, made, start, start + 4)
            writer.finish()
    with enter(str(path)) as shared:
        lease = shared.take()
        assert lease is not None
        finish(shared, lease)
    url = f"sqlite:///{path}"
    reader = StoreReader(url)
    run = reader.run(ONE)
    replace_states(url, ONE, rebuild(reader, run, reader.layers(ONE)).states())
    with create_server(reader, url, Jobs()).test_client() as http:
        look(http, *known(url))
    with closing(sqlite3.connect(path)) as raw, raw:
        # What the networks of labels and of values have, and what a worker has that is at work.
        raw.execute("INSERT INTO targets SELECT run_id, ordinal, 'h-f', NULL, 1.0 FROM images")
        raw.execute("INSERT INTO workers VALUES (6, 'a b c', 1, 2, 0.5)")
        raw.execute("INSERT INTO range_states SELECT run_id, 0, layer, n, moments FROM "
                    "correlation_states WHERE run_id = 6")  # fmt: skip


ONE: Final = 4
"""The run that is asked for."""


def known(url: str) -> tuple[str, ...]:
    """Give the uuids of the runs, by id."""
    reader = StoreReader(url)
    return tuple(one.uuid for one in sorted(reader.summaries(), key=lambda one: one.id))


def addresses(uuids: tuple[str, ...]) -> list[str]:
    """Give what the pages ask for."""
    uuid = uuids[ONE - 1]
    run, layer, pair = f"run={ONE}", "layer=conv2", f"a={ONE}&b=5"
    return [
        "/redundancies/runs", f"/redundancies/of?{run}", f"/redundancies/stability?{run}&{layer}",
        f"/filters/of?{run}&{layer}&filter=2", f"/filters/tops?{run}&{layer}&filter=2",
        f"/filters/history?{run}&{layer}&filter=2", f"/deviations/{uuid}/images/3",
        f"/runs/{uuid}/images/3", f"/runs/{uuid}/images/3/layers/1",
        f"/runs/{uuid}/search?of=wrong&order=confidence", f"/comparisons/layer?{pair}&{layer}",
        "/comparisons/experiment?name=night", f"/slims/of?{run}", "/slims/of?run=1",
        "/slims/gone?id=1", f"/slims/predicted?{run}", f"/by-class/of?{run}",
    ]  # fmt: skip


def _callback(page: str, output: str, given: str, value: dict[str, Any]) -> tuple[str, Any]:
    component, prop = output.rsplit(".", 1)
    return f"{page}_dash-update-component", {
        "output": output,
        "outputs": {"id": component, "property": prop},
        "inputs": [{"id": given, "property": "data", "value": value}],
        "changedPropIds": [f"{given}.data"],
        "state": [],
    }


CALLBACKS: Final = (
    _callback("/", "frame.data", "request", {}),
    _callback("/", "frame.data", "request", {"run": ONE, "ordinal": 3}),
    _callback("/", f"{ids.RUN_SELECT}.data", ids.RUNS_VERSION, {}),
    _callback("/runs/", f"{ids.RUNS_ANSWER}.data", ids.RUNS_REQUEST, {"number": 1}),
)


def look(http: FlaskClient, *uuids: str) -> list[tuple[str, int, str]]:
    """Ask for all of it; give what was answered."""
    found = []
    for address in addresses(uuids):
        answer = http.get(address)
        found.append((address, answer.status_code, answer.data.decode("latin-1")))
    for address, body in CALLBACKS:
        answer = http.post(address, json=body, headers={"Sec-Fetch-Site": "same-origin"})
        found.append(
            (f"{address} {body['output']}", answer.status_code, answer.data.decode("latin-1"))
        )
    return found


def damage(path: Path, column: Any, value: Any) -> int:
    """Put a value into a column of the run that is asked for, or of the rows without one.

    Gives how many rows were changed: none where the database itself does not take it.
    """
    table = column.table.name
    mine = {
        "runs": f"id = {ONE}",
        "checkpoints": f"id = (SELECT checkpoint_id FROM runs WHERE id = {ONE})",
        "kernels": f"checkpoint_id = (SELECT checkpoint_id FROM runs WHERE id = {ONE})",
        "comparisons": "1",
        "slimmings": "1",
    }.get(table, f"run_id = {ONE}")
    if table in ("shares", "workers", "ranges", "range_states"):
        mine = "1"
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("PRAGMA writable_schema = ON")
        if value is None:
            # As in a table that was made without the constraint.
            raw.execute("UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '')")
    with closing(sqlite3.connect(path)) as raw, raw:
        set_it = f"UPDATE {table} SET {column.name} = ? WHERE {mine}"
        try:
            return raw.execute(set_it, (value,)).rowcount
        except sqlite3.IntegrityError:
            # It is one that names its row.
            one = f"rowid = (SELECT max(rowid) FROM {table} WHERE {mine})"
            try:
                return raw.execute(set_it.replace(mine, one), (value,)).rowcount
            except sqlite3.Error:
                return 0


COMMANDS: Final = (
    ["runs"], ["runs", "--json"], ["redundancy", str(ONE)], ["compare", str(ONE), "5"],
    ["fault", str(ONE), "5"], ["report", str(ONE), "--output", "{folder}/r.html"],
    ["export", str(ONE), "--to", "{folder}/e", "--format", "npz"],
    ["prune", str(ONE), "--keep", "maps:3", "--dry-run"], ["copy", "{folder}/copy.db"],
    ["move", "--keep", "{store}", "{folder}/moved.db"], ["delete", str(ONE), "--yes"],
)  # fmt: skip
