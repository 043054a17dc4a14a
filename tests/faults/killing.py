"""Collecting processes that are killed, and writes that fail; what is in the store afterwards."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from reactcnn_dash.db import RunWriter, StoreReader
from tests.db.samples import batch, state

if TYPE_CHECKING:
    import random

ROOT: Final = Path(__file__).resolve().parents[2]

LIMITED = """
import sys
from sqlalchemy import Engine, event
from reactcnn_dash.db import RunWriter, StoreFull
from tests.db.samples import batch, new_run

pages = int(sys.argv[2])

@event.listens_for(Engine, "connect")
def limit(raw, _record):
    raw.execute(f"PRAGMA max_page_count = {pages}")

try:
    with RunWriter.begin(sys.argv[1], new_run(feature_maps="last:20")) as writer:
        while writer.stored < 200:
            writer.append(batch(writer.stored, 4))
            print("stored", writer.stored, flush=True)
        writer.finish()
except StoreFull as error:
    assert "\\n" not in str(error)
    sys.exit(4)
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What a fault left behind: images acknowledged but not there, and images half there."""

    lost: int
    half: int
    acknowledged: int


def kill_once(folder: Path, chance: random.Random) -> Found:
    """Kill a collecting process at a random moment, and look at its store."""
    path = folder / "store.db"
    command = [sys.executable, "-m", "tests.db.collecting", str(path), "begin"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.4))
        process.send_signal(signal.SIGKILL)
        said = (first + process.stdout.read()).splitlines()
    return look(path, said)


def fail_at(folder: Path, pages: int) -> tuple[Found, bool]:
    """Let a store grow to so many pages and no further; say too whether the run succeeded."""
    path = folder / "store.db"
    command = [sys.executable, "-c", LIMITED, str(path), str(pages)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode not in (0, 4):
        raise RuntimeError(done.stderr)
    return look(path, done.stdout.splitlines()), done.returncode == 0


def look(path: Path, said: list[str]) -> Found:
    """Hold a store against what its writer said, by reading it and by resuming its run."""
    stored = [int(line.split()[1]) for line in said if line.startswith("stored")]
    acknowledged = max(stored, default=0)
    reader = StoreReader(str(path))
    run = reader.latest_run() if path.exists() else None
    if run is None:
        return Found(acknowledged, 0, acknowledged)
    half = 0
    truth = batch(0, run.stored) if run.stored else None
    for ordinal in range(run.stored):
        assert truth is not None
        whole = np.array_equal(reader.gap_row(run.id, ordinal), truth.gap[ordinal])
        whole &= np.array_equal(reader.pixels(run.uuid, ordinal), truth.pixels[ordinal])
        kept = reader.image_maps(run.uuid, ordinal) is not None
        half += not (whole and kept == (ordinal >= run.stored - 20))
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        count = raw.execute("SELECT count(*) FROM images").fetchone()[0]
        half += abs(count - run.stored)
    if run.state.value != "finished":
        with RunWriter.resume(str(path), str(run.id)) as writer:
            writer.append(
                batch(writer.stored, 4), [state(layer, writer.stored + 4) for layer in (0, 1)]
            )
            assert writer.stored == run.stored + 4
    return Found(max(0, acknowledged - run.stored), half, acknowledged)
