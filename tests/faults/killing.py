"""Writers that are killed or cannot grow, and what is in the store afterwards."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.db import RunWriter, StoreReader
from tests.db.samples import batch, state
from tests.faults.writers import Fate

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from tests.faults.writers import Writers


@dataclass(frozen=True, slots=True)
class Found:
    """What a fault left behind: images acknowledged but not there, and images half there."""

    lost: int
    half: int
    acknowledged: int


def kill_once(writers: Writers, folder: Path, chance: random.Random) -> Found:
    """Kill a collecting process at a random moment, and look at its store."""
    path = folder / "store.db"
    written = writers.write(path, None, Fate(kill_after=chance.uniform(0.0, 0.4)))
    return look(path, written.said)


def fail_at(writers: Writers, folder: Path, pages: int) -> tuple[Found, bool]:
    """Let a store grow to so many pages and no further; say too whether the run succeeded."""
    path = folder / "store.db"
    written = writers.write(path, 200, Fate(pages=pages))
    return look(path, written.said), written.exit_code == 0


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
