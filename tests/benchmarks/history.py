"""A run that was collected long ago: opening any image of it, searching it, clusters of a part."""

from __future__ import annotations

import http.client
import statistics
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np

from reactcnn_dash.analysis import Accumulator
from reactcnn_dash.db import CorrelationState, ImageFilter, StoreReader, replace_states
from reactcnn_dash.jobs.runner import Workers
from reactcnn_dash.results.clusters.clustering import Clusterings, ClusterRequest, warm_up
from tests.benchmarks.table import Result, at_most

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reactcnn_dash.db import Layer

FIRST = 50
ROUNDS = 200
PART = 10_000
SEARCHES = ("wrong.unsure", "label-3", "predicted-3.wrong.sure", "from-20000.to-29999.unsure")


def opening(ask: Callable[[int], float], address: str, uuid: str, images: int) -> list[Result]:
    """Open the first images and any others in turn: the frame, then the pixels.

    Args:
        ask: asks the server for an image's frame and returns the seconds that it took.
        address: of the server.
        uuid: of the run.
        images: how many the run holds.
    """
    connection = http.client.HTTPConnection(urlsplit(address).netloc)

    def open_image(ordinal: int) -> float:
        frame = ask(ordinal)
        begun = time.perf_counter()
        connection.request("GET", f"/runs/{uuid}/images/{ordinal}")
        connection.getresponse().read()
        return frame + time.perf_counter() - begun

    rng = np.random.default_rng(3)
    first, others = [], []
    for i in range(ROUNDS):
        first.append(open_image(i % FIRST))
        others.append(open_image(int(rng.integers(FIRST, images))))
    ratio = statistics.median(others) / statistics.median(first)
    return [at_most(f"opening any image of {images:,} ÷ opening the first", ratio, 1.2, "×", 2)]


def searches(address: str, uuid: str, images: int) -> list[Result]:
    """Search a run in several ways, as the page does."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    seconds = []
    for i in range(10 * len(SEARCHES)):
        begun = time.perf_counter()
        of = SEARCHES[i % len(SEARCHES)]
        connection.request("GET", f"/runs/{uuid}/search?of={of}")
        connection.getresponse().read()
        seconds.append(time.perf_counter() - begun)
    median = 1000 * statistics.median(seconds)
    return [at_most(f"a search in {images:,} images, p50", median, 100, "ms")]


def save_state(store: Path, layer: Layer, images: int) -> None:
    """Save a layer's correlation state, as the collector would have, unless it is there."""
    reader = StoreReader(str(store))
    if reader.correlation_state(1, layer.position) is not None:
        return
    sums = Accumulator(layer.filters)
    for block in reader.gap_blocks(1, 0, images, layer):
        sums.add(block.rows)
    state = sums.state()
    saved = CorrelationState(
        layer=layer.position,
        covered=images,
        n=state.n,
        mean=state.mean,
        comoment=state.comoment,
        low=state.low,
        high=state.high,
    )
    replace_states(str(store), 1, [saved])


def part(store: Path, images: int) -> list[Result]:
    """Cluster a layer of 512 filters over a part of a long run."""
    layer = StoreReader(str(store)).layers(1)[-1]
    save_state(store, layer, images)
    jobs = Workers(warm_up)
    jobs.start()
    clusters = Clusterings(f"sqlite:///{store}", jobs)
    # The whole run's clusters stand in the store, as after the first look at the layer.
    clusters.view(ClusterRequest(1, layer.position, "louvain", None))
    seconds = []
    for start in range(0, 3 * PART, PART):
        subset = ImageFilter(first=start, last=start + PART - 1)
        begun = time.perf_counter()
        clusters.view(ClusterRequest(1, layer.position, "louvain", None, subset))
        seconds.append(time.perf_counter() - begun)
    jobs.close()
    what = f"clusters of {PART:,} chosen images, {layer.filters} filters"
    return [at_most(what, statistics.median(seconds), 3, "s", 2)]
