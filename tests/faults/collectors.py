"""Real collectors and trainings that are killed, held against ones that nobody touched."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
IMAGES: Final = 900
_PACE: Final = 300
_PROBE: Final = 200
_EPOCHS: Final = 3
_TABLES: Final = ("images", "feature_maps", "correlation_states")
_QUIET: Final = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}


@dataclass(frozen=True, slots=True)
class Kills:
    """What kills left behind.

    Attributes:
        kills: how many there were.
        seen: images that another process had seen in the store right before each, all together.
        lost: of those, images that were gone.
        half: images that were there in part.
        differences: tables of the finished run that differ from the untouched run's.
    """

    kills: int
    seen: int
    lost: int
    half: int
    differences: int

    def __add__(self, other: Kills) -> Kills:
        return Kills(
            self.kills + other.kills,
            self.seen + other.seen,
            self.lost + other.lost,
            self.half + other.half,
            self.differences + other.differences,
        )


@dataclass(frozen=True, slots=True)
class Subject:
    """The files of a small network and of images for it."""

    model: Path
    images: Path


def make_subject(folder: Path, count: int = IMAGES) -> Subject:
    """Save a network of two convolutions, and noise with labels."""
    made = Subject(folder / "model.keras", folder / "images.npz")
    code = (
        "import sys, keras; from keras import layers as l\n"
        "keras.utils.set_random_seed(1)\n"
        "keras.Sequential([keras.Input((16, 16, 3)), l.Rescaling(1 / 255),\n"
        "    l.Conv2D(8, 3, activation='relu'), l.Conv2D(16, 3, activation='relu'),\n"
        "    l.GlobalAveragePooling2D(), l.Dense(3, activation='softmax')]).save(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, str(made.model)], check=True, env=_QUIET, cwd=ROOT)
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)
    np.savez(made.images, images=images, labels=chance.integers(0, 3, count))
    return made


@contextmanager
def _collector(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a collector; it is ended with the body, if it has not ended by itself."""
    # In a session of its own: Ctrl-C is meant for whoever kills it.
    process = subprocess.Popen(
        [sys.executable, "-m", "collector", *words],
        cwd=ROOT, env=_QUIET, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _run_collector(*words: str) -> None:
    with _collector(*words) as process:
        code = process.wait()
    if code:
        raise RuntimeError(f"collector {words[0]} … ended with {code}")


def kill_collectors(
    subject: Subject, folder: Path, batch: int, kills: int, chance: random.Random
) -> Iterator[Kills]:
    """Kill collectors at random moments, each going on with what the one before left.

    A run that is finished before enough kills came is followed by another.

    Args:
        subject: what they collect.
        folder: for the stores.
        batch: images at a time.
        kills: how many.
        chance: says when.

    Yields:
        What was found so far, after each kill and once the last run is finished.
    """
    common = ("--no-scores", "--quiet")
    new = ("--model", str(subject.model), "--images", str(subject.images),
           "--batch-size", str(batch), "--feature-maps", "all", *common)  # fmt: skip
    whole = folder / "whole.db"
    _run_collector(*new, "--store", str(whole))
    truth = _tables(whole)
    so_far, number = Kills(0, 0, 0, 0, 0), 0
    while so_far.kills < kills:
        number += 1
        store = folder / f"killed-{number}.db"
        words: tuple[str, ...] = (*new, "--pace", str(_PACE))
        while True:
            with _collector(*words, "--store", str(store)) as process:
                before = _wait(process, store, chance, spare=so_far.kills == kills)
            if before is None:
                break
            now = _tables(store)
            half = sum(
                row != truth[table][place]
                for table in ("images", "feature_maps")
                for place, row in enumerate(now[table])
            ) + abs(len(now["images"]) - len(now["feature_maps"]))
            lost = max(0, before - len(now["images"]))
            so_far += Kills(1, before, lost, half, 0)
            yield so_far
            words = ("--resume", "1", "--pace", str(_PACE), *common)
        found = _tables(store)
        differences = sum(found[table] != truth[table] for table in _TABLES)
        so_far += Kills(0, 0, 0, 0, differences)
        yield so_far


def _wait(
    process: subprocess.Popen[bytes], store: Path, chance: random.Random, *, spare: bool
) -> int | None:
    """Kill a collector at some moment after it stored images; give how many were seen before.

    None if it ended by itself.
    """
    begun, until, last = _stored(store), None, 0
    while process.poll() is None:
        last = _stored(store)
        if until is None and last > begun and not spare:
            until = time.monotonic() + chance.uniform(0.0, 0.8)
        if until is not None and time.monotonic() >= until:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return last
        time.sleep(0.005)
    if process.returncode != 0:
        raise RuntimeError(f"the collector ended with {process.returncode}")
    return None


def _stored(store: Path) -> int:
    if not store.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as raw:
            return int(raw.execute("SELECT coalesce(max(stored), 0) FROM runs").fetchone()[0])
    except sqlite3.OperationalError:
        # The tables are not there yet.
        return 0


def _tables(store: Path) -> dict[str, list[Any]]:
    """Give the rows of a run, without the run's own number."""
    found = {}
    with closing(sqlite3.connect(store)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for table in _TABLES:
            names = [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]
            columns = ", ".join(sorted(name for name in names if name != "run_id"))
            order = "layer" if table == "correlation_states" else "ordinal"
            found[table] = raw.execute(f"SELECT {columns} FROM {table} ORDER BY {order}").fetchall()
    return found


def kill_training(subject: Subject, folder: Path, wait: float) -> list[str]:
    """Kill a training so many seconds after its second checkpoint; give what a resume left undone.

    Raises:
        RuntimeError: the training ended before, or the resumed one fails.
    """
    store, checkpoints = folder / "store.db", folder / "checkpoints"
    place = ("--checkpoints", str(checkpoints), "--store", str(store))
    images = str(subject.images)
    training = _collector(
        "train", "--from", str(subject.model), "--data", images, "--validation", images,
        "--probe", str(_PROBE), "--epochs", str(_EPOCHS), *place,
    )  # fmt: skip
    second = checkpoints / "epoch-002.keras"
    with training as process:
        while not second.exists():
            if process.poll() is not None:
                raise RuntimeError(f"the training ended with {process.returncode}")
            time.sleep(0.001)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
    _run_collector("train", "--resume", "--checkpoints", str(checkpoints))
    with closing(sqlite3.connect(store)) as raw:
        runs = raw.execute("SELECT epoch, state, stored FROM runs ORDER BY epoch").fetchall()
    due = [(epoch, "finished", _PROBE) for epoch in range(1, _EPOCHS + 1)]
    return [] if runs == due else [f"{one}" for one in runs]
