"""A real collector on a real PostgreSQL server, which is restarted, killed and gone meanwhile."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from collector.cli import main
from reactcnn_dash.db import RunState, StoreError, StoreReader
from tests.collector.test_process import collector, wait_for
from tests.collector.waiting import DEADLINE
from tests.db.test_processes import rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import OwnServer

pytestmark = pytest.mark.process


def test_a_run_goes_on_through_restarts_and_is_the_same_run(
    own_server: OwnServer, tmp_path: Path, tiny_path: Path, tiny_images: Path
) -> None:
    url = own_server.databases.make()
    whole = f"sqlite:///{tmp_path / 'whole.db'}"
    options = ["--model", str(tiny_path), "--images", str(tiny_images), "--batch-size", "3"]
    options += ["--feature-maps", "last:100", "--no-scores"]
    assert main([*options, "--store", whole, "--quiet"]) == 0
    reader = StoreReader(url)

    def stored() -> int:
        run = reader.latest_run()
        return run.stored if run is not None else 0

    with collector(*options, "--store", url, "--pace", "120") as process:
        wait_for(process, lambda: stored() >= 30)
        for end in (own_server.stop, own_server.kill):
            before = stored()
            end()
            own_server.start()
            wait_for(process, lambda before=before: stored() >= before + 30)  # type: ignore[misc]
        own_server.stop()
        # It says that it waits, once, and Ctrl-C ends that.
        assert process.stderr is not None
        while "the run waits for it" not in (said := process.stderr.readline()):
            assert said
        assert said.startswith("postgresql://") or "postgresql://" in said
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=DEADLINE)[1]
    assert process.returncode == StoreError.exit_code
    assert "Traceback" not in rest
    assert "the database server" in rest.splitlines()[-1]
    own_server.start()
    at = stored()
    assert at % 3 == 0
    assert main(["--resume", "1", "--store", url, "--pace", "100000", "--quiet"]) == 0
    assert reader.run(1).state is RunState.FINISHED
    assert rows(url) == rows(whole)
