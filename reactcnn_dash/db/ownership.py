"""Who is collecting a run: a token on the run's row, so that two writers never share one run."""

from __future__ import annotations

import os
import socket
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from reactcnn_dash.db.errors import RunBusy
from reactcnn_dash.db.records import STALL_SECONDS, RunState

if TYPE_CHECKING:
    from reactcnn_dash.db.queries import AnyRow


def new_token() -> str:
    """Give a token of this process that no other writer has: machine, process id, random part."""
    return f"{_machine()} {os.getpid()} {uuid.uuid4()}"


def is_alive(token: str, heartbeat_at: datetime) -> bool:
    """Say whether the writer with `token` must be taken for alive.

    Its heartbeat must be fresh; and when it ran on this machine, so must its process exist: after
    a kill nobody needs to wait for the heartbeat to age.
    """
    if datetime.now(UTC) - heartbeat_at > timedelta(seconds=STALL_SECONDS):
        return False
    machine, process, _ = token.split(" ")
    if os.name != "posix" or machine != _machine():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def refuse_busy(row: AnyRow, place: str) -> None:
    """Refuse a run, given as its row, that a living process is collecting.

    Raises:
        RunBusy: if one is, or if the run is being deleted; `place` names the store in the text.
    """
    if row.state == RunState.DELETING:
        raise RunBusy(
            f"{place}: run {row.id} ({row.name}) is being deleted; should that have stopped, "
            f"finish it: python -m reactcnn_dash delete {row.id} --store {place}"
        )
    if row.state == RunState.COLLECTING and is_alive(row.writer, row.heartbeat_at):
        raise RunBusy(
            f"{place}: run {row.id} ({row.name}) is being collected by another process: "
            f"stop that one first"
        )


def _machine() -> str:
    # Containers may share a host name while their process ids mean different processes.
    namespace = Path("/proc/self/ns/pid")
    space = namespace.readlink().name if namespace.is_symlink() else "-"
    return f"{socket.gethostname()}/{space}".replace(" ", "-")
