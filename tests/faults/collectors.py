"""Real collectors and trainings that are killed, held against ones that nobody touched."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import random

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


def make_model(path: Path) -> None:
    """Save a small network of two convolutions."""
    code = (
        "import sys, keras; from keras import layers as l\n"
        "keras.utils.set_random_seed(1)\n"
        "keras.Sequential([keras.Input((16, 16, 3)), l.Rescaling(1 / 255),\n"
        "    l.Conv2D(8, 3, activation='relu'), l.Conv2D(16, 3, activation='relu'),\n"
        "    l.GlobalAveragePooling2D(), l.Dense(3, activation='softmax')]).save(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, env=_QUIET, cwd=ROOT)


def make_images(path: Path, count: int = IMAGES) -> None:
    """Save noise with labels."""
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)
    np.savez(path, images=images, labels=chance.integers(0, 3, count))


def _collector(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "collector", *words],
        cwd=ROOT, env=_QUIET, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def kill_collectors(folder: Path, batch: int, kills: int, chance: random.Random) -> Kills:
    """Kill collectors at random moments, each going on with what the one before left.

    A run that is finished before enough kills came is followed by another.

    Args:
        folder: for the stores.
        batch: images at a time.
        kills: how many.
        chance: says when.
    """
    model, images = folder / "model.keras", folder / "images.npz"
    make_model(model)
    make_images(images)
    common = ("--no-scores", "--quiet")
    new = ("--model", str(model), "--images", str(images), "--batch-size", str(batch),
           "--feature-maps", "all", *common)  # fmt: skip
    whole = folder / "whole.db"
    assert _collector(*new, "--store", str(whole)).wait() == 0
    truth = _tables(whole)
    done = seen = lost = half = differences = number = 0
    while done < kills:
        number += 1
        store = folder / f"killed-{number}.db"
        words: tuple[str, ...] = (*new, "--pace", str(_PACE))
        while True:
            process = _collector(*words, "--store", str(store))
            before = _wait(process, store, chance, spare=done == kills)
            if before is None:
                break
            done, seen = done + 1, seen + before
            now = _tables(store)
            lost += max(0, before - len(now["images"]))
            half += sum(
                row != truth[table][place]
                for table in ("images", "feature_maps")
                for place, row in enumerate(now[table])
            ) + abs(len(now["images"]) - len(now["feature_maps"]))
            words = ("--resume", "1", "--pace", str(_PACE), *common)
        found = _tables(store)
        differences += sum(found[table] != truth[table] for table in _TABLES)
    return Kills(done, seen, lost, half, differences)


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


def kill_training(folder: Path, wait: float) -> list[str]:
    """Kill a training so many seconds after its second checkpoint; give what a resume left undone.

    Raises:
        RuntimeError: the training ended before, or the resumed one fails.
    """
    model, images = folder / "model.keras", folder / "images.npz"
    make_model(model)
    make_images(images)
    store, checkpoints = folder / "store.db", folder / "checkpoints"
    place = ("--checkpoints", str(checkpoints), "--store", str(store))
    process = _collector(
        "train", "--from", str(model), "--data", str(images), "--validation", str(images),
        "--probe", str(_PROBE), "--epochs", str(_EPOCHS), *place,
    )  # fmt: skip
    second = checkpoints / "epoch-002.keras"
    while not second.exists():
        if process.poll() is not None:
            raise RuntimeError(f"the training ended with {process.returncode}")
        time.sleep(0.001)
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.wait()
    code = _collector("train", "--resume", "--checkpoints", str(checkpoints)).wait()
    if code:
        raise RuntimeError(f"the resumed training ended with {code}")
    with closing(sqlite3.connect(store)) as raw:
        runs = raw.execute("SELECT epoch, state, stored FROM runs ORDER BY epoch").fetchall()
    due = [(epoch, "finished", _PROBE) for epoch in range(1, _EPOCHS + 1)]
    return [] if runs == due else [f"{one}" for one in runs]
