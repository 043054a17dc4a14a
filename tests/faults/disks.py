"""Disks that are full, and writes that fail: what is left in the store afterwards."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.faults.killing import Found, look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
FAILURES: Final = {"full": errno.ENOSPC, "broken": errno.EIO, "half written": 0}

COLLECTING = """
import signal, sys
from reactcnn_dash.db import RunWriter, StoreError
from tests.db.samples import batch, new_run

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
images = int(sys.argv[2])
try:
    with RunWriter.begin(sys.argv[1], new_run(feature_maps="last:20")) as writer:
        while writer.stored < images:
            writer.append(batch(writer.stored, 4))
            print("stored", writer.stored, flush=True)
        writer.finish()
except StoreError as error:
    assert "\\n" not in str(error)
    print(error, file=sys.stderr)
    sys.exit(4)
"""


def compiler() -> str | None:
    """Return a C compiler, None where there is none."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def build_shim(folder: Path) -> Path | None:
    """Compile what lets a write fail; None where that cannot be done."""
    found = compiler()
    if found is None or not sys.platform.startswith("linux"):
        return None
    shim = folder / "failing.so"
    source = Path(__file__).with_name("failing.c")
    subprocess.run([found, "-shared", "-fPIC", "-o", str(shim), str(source), "-ldl"], check=True)
    return shim


def fail_nth(
    folder: Path, shim: Path, nth: int, reason: int, images: int = 40
) -> tuple[Found, bool]:
    """Let the Nth write to a store fail; say too whether the run succeeded all the same."""
    environment = os.environ | {
        "LD_PRELOAD": str(shim),
        "FAIL_UNDER": str(folder.resolve()),
        "FAIL_AT": str(nth),
        "FAIL_WITH": str(reason),
    }
    return _collect(folder, images, environment)


def fail_beyond(folder: Path, size: int, images: int = 200) -> tuple[Found, bool]:
    """Let no file grow beyond so many bytes; say too whether the run succeeded."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return _collect(folder, images, dict(os.environ), limit)


def _collect(
    folder: Path,
    images: int,
    environment: dict[str, str],
    before: Callable[[], None] | None = None,
) -> tuple[Found, bool]:
    path = folder / "store.db"
    done = subprocess.run(
        [sys.executable, "-c", COLLECTING, str(path), str(images)],
        cwd=ROOT, env=environment, preexec_fn=before,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode not in (0, 4):
        raise RuntimeError(done.stderr)
    return look(path, done.stdout.splitlines()), done.returncode == 0


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path | None]:
    """Give a disk of so many bytes, None where this user cannot mount one."""
    ask = [] if os.geteuid() == 0 else ["sudo", "-n"]
    options = ["-t", "tmpfs", "-o", f"size={size},mode=777", "reactcnn-faults", str(folder)]
    mounted = shutil.which((ask or ["mount"])[0]) is not None and (
        subprocess.run([*ask, "mount", *options], capture_output=True, check=False).returncode == 0
    )
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run([*ask, "umount", "-l", str(folder)], check=True)


def fill(disk: Path, but: int) -> Path:
    """Fill a disk but for so many bytes; give the file that does."""
    filler = disk / "filler"
    filler.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - but)))
    return filler


def collect_on_full_disk(disk: Path, but: int) -> Found:
    """Collect on a disk with so many bytes free, until it is full or the run has ended."""
    filler = fill(disk, but)
    path = disk / "store.db"
    done = subprocess.run(
        [sys.executable, "-c", COLLECTING, str(path), "4000"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode not in (0, 4):
        raise RuntimeError(f"{done.returncode}: {done.stderr}")
    filler.unlink()
    return look(path, done.stdout.splitlines())
