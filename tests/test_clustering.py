"""The background process that clusters: one answer for all who ask, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

from reactcnn_dash.analysis import TooFewImages
from reactcnn_dash.db import CorrelationState, RunWriter, StoreReader
from reactcnn_dash.jobs.runner import Workers
from reactcnn_dash.results.clusters.clustering import Clusterings, ClusterRequest, warm_up
from reactcnn_dash.results.moments import current_moments
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path

REQUEST = ClusterRequest(run_id=1, layer=2, method="louvain", parameter=1.0)


@pytest.fixture
def url(tmp_path: Path) -> str:
    stores.make_store(tmp_path / "store.db", 60)
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.mark.process
def test_many_at_once_get_the_same_answer(url: str) -> None:
    with closing(Workers(warm_up, 2)) as jobs, ThreadPoolExecutor(6) as threads:
        views = list(threads.map(Clusterings(url, jobs).view, [REQUEST] * 6))
    assert all(np.array_equal(view.labels, views[0].labels) for view in views)
    assert len(StoreReader(url).clusterings(1)) == 1


@pytest.mark.process
def test_errors_come_back_as_themselves(tmp_path: Path) -> None:
    stores.make_store(tmp_path / "one.db", 1)
    with closing(Workers(warm_up, 2)) as jobs:
        clusters = Clusterings(f"sqlite:///{tmp_path / 'one.db'}", jobs)
        with pytest.raises(TooFewImages):
            clusters.view(REQUEST)


@pytest.mark.process
def test_a_killed_process_is_started_again(url: str) -> None:
    with closing(Workers(warm_up, 2)) as jobs:
        clusters = Clusterings(url, jobs)
        before = clusters.view(REQUEST)
        # Only workers: what drives the browser of other tests is a child of this process too.
        workers = [
            child
            for child in psutil.Process().children()
            if "spawn_main" in " ".join(child.cmdline())
        ]
        assert workers
        for worker in workers:
            worker.kill()
        assert np.array_equal(clusters.view(REQUEST).labels, before.labels)


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_the_server(tmp_path: Path, number: signal.Signals) -> None:
    stores.make_store(tmp_path / "store.db", 4)
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "reactcnn_dash"),
            *("--store", str(tmp_path / "store.db"), "--port", "0"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    server.stderr.readline()
    children: list[psutil.Process] = []
    deadline = time.monotonic() + 30
    while len(children) < 2 and time.monotonic() < deadline:
        children = psutil.Process(server.pid).children()
    assert len(children) == 2
    os.kill(server.pid, number)
    server.wait(timeout=20)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


def test_stored_state_and_newer_rows_give_the_correlation_of_all(tmp_path: Path) -> None:
    made = stores.truth(50)
    layer = stores.layers()[1]
    writer = RunWriter.begin(str(tmp_path / "store.db"), stores.new_run())
    for start in range(0, 50, 10):
        stores.append(writer, made, start, start + 10)
    part = made.gap[:30, 6:14].astype(float)
    centred = part - part.mean(axis=0)
    writer.save_states(
        [
            CorrelationState(
                layer=1,
                covered=30,
                n=30,
                mean=part.mean(axis=0),
                comoment=centred.T @ centred,
                low=part.min(axis=0),
                high=part.max(axis=0),
            )
        ]
    )
    writer.close()
    moments, stored = current_moments(StoreReader(str(tmp_path / "store.db")), 1, layer)
    assert (moments.n, stored) == (50, 50)
    rows = made.gap[:, 6:14].astype(float)
    np.testing.assert_allclose(moments.comoment / 49, np.cov(rows.T), atol=1e-10)
