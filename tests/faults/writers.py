"""Processes that write to a store until something is done to them.

Each is forked from one that has imported what they need, since that takes longer than what they
do. Run as a program this module is that one: a line of JSON asks for a writer, and a line of JSON
says what became of it.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

ROOT: Final = Path(__file__).resolve().parents[2]
FULL: Final = 4
"""The exit code of a writer that was told that it cannot write."""
_PATIENCE: Final = 120
_BATCH: Final = 4


@dataclass(frozen=True, slots=True)
class Fate:
    """What is done to a writer.

    Attributes:
        kill_after: it is killed so many seconds after it said that its run began.
        pages: its store may have so many pages.
        size: its files may have so many bytes.
        nth: its Nth change of a file fails; needs the shim.
        reason: the errno of that, or 0 for a write that stores half.
    """

    kill_after: float | None = None
    pages: int | None = None
    size: int | None = None
    nth: int | None = None
    reason: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """What a writer said, a line each, and how it ended."""

    said: list[str]
    exit_code: int


class Writers:
    """Starts writers, one at a time.

    Args:
        folder: where what lets a write fail is compiled, if there is a compiler.
    """

    def __init__(self, folder: Path) -> None:
        shim = _build_shim(folder)
        self.can_fail = shim is not None
        """Whether the Nth write can be let fail."""
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        if shim is not None:
            environment["LD_PRELOAD"] = str(shim)
        # In a session of its own: Ctrl-C is meant for whoever asks.
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT, env=environment, start_new_session=True, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def write(self, path: Path, images: int | None, fate: Fate) -> Written:
        """Let a process collect so many images into a store, until it is killed if None.

        Raises:
            RuntimeError: it ended in a way that it should not.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"path": str(path.resolve()), "images": images, "fate": asdict(fate)}
        self._process.stdin.write(f"{json.dumps(asked)}\n")
        self._process.stdin.flush()
        found = Written(**json.loads(self._process.stdout.readline()))
        due = (-signal.SIGKILL,) if fate.kill_after is not None else (0, FULL)
        if found.exit_code not in due:
            raise RuntimeError(f"{found.exit_code}: " + "\n".join(found.said))
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=_PATIENCE)


def _build_shim(folder: Path) -> Path | None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    shim = folder / "failing.so"
    source = Path(__file__).with_name("failing.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(shim), str(source), "-ldl"], check=True)
    return shim


def _fork(path: Path, images: int | None, fate: Fate) -> Written:
    reading, writing = os.pipe()
    writer = os.fork()
    if not writer:
        os.dup2(writing, sys.stdout.fileno())
        code = 1
        try:
            signal.alarm(_PATIENCE)
            code = _collect(path, images, fate)
        except BaseException:  # noqa: BLE001 - whoever asked is told
            traceback.print_exc(file=sys.stdout)
        finally:
            sys.stdout.flush()
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = [pipe.readline()]
        if fate.kill_after is not None:
            time.sleep(fate.kill_after)
            os.kill(writer, signal.SIGKILL)
        said += pipe.readlines()
    status = os.waitpid(writer, 0)[1]
    return Written([line.rstrip("\n") for line in said], os.waitstatus_to_exitcode(status))


def _collect(path: Path, images: int | None, fate: Fate) -> int:
    from reactcnn_dash.db import RunWriter, StoreError, StoreFull
    from tests.db.samples import batch, new_run, state

    _arrange(path, fate)
    try:
        with RunWriter.begin(str(path), new_run(feature_maps="last:20")) as writer:
            _say(f"run {writer.run.id}")
            while images is None or writer.stored < images:
                after = writer.stored + _BATCH
                writer.append(
                    batch(writer.stored, _BATCH), [state(layer, after) for layer in (0, 1)]
                )
                _say(f"stored {writer.stored}")
            writer.finish()
    except StoreError as error:
        if "\n" in str(error) or (fate.pages is not None and not isinstance(error, StoreFull)):
            raise
        _say(str(error))
        return FULL
    return 0


def _arrange(path: Path, fate: Fate) -> None:
    """Prepare what will happen to this process."""
    if fate.pages is not None:
        from sqlalchemy import Engine, event

        @event.listens_for(Engine, "connect")
        def limit(raw: object, _record: object) -> None:
            raw.execute(f"PRAGMA max_page_count = {fate.pages}")  # type: ignore[attr-defined]

    if fate.size is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (fate.size, fate.size))
    if fate.nth is not None:
        os.environ |= {
            "FAIL_UNDER": str(path.parent),
            "FAIL_AT": str(fate.nth),
            "FAIL_WITH": str(fate.reason),
        }


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _main() -> None:
    # What every writer needs.
    importlib.import_module("reactcnn_dash.db")
    importlib.import_module("tests.db.samples")
    for line in sys.stdin:
        asked = json.loads(line)
        found = _fork(Path(asked["path"]), asked["images"], Fate(**asked["fate"]))
        _say(json.dumps(asdict(found)))


if __name__ == "__main__":
    _main()
