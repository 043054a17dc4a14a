"""The filter page over a long run: the images that drive a filter most."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from reactcnn_dash.db import StoreReader
from tests.benchmarks.history import save_state
from tests.benchmarks.table import Result, at_most

if TYPE_CHECKING:
    from pathlib import Path

FILTERS = range(0, 512, 8)
AGAIN_SECONDS = 0.25
"""How long the page waits before it asks again for what is being worked out."""


def tops(address: str, store: Path, images: int) -> list[Result]:
    """Ask for the top images of filters of the last layer, once they were worked out.

    Args:
        address: of the server.
        store: of the run, with 512 filters in its last layer.
        images: how many the run holds.
    """
    layer = StoreReader(str(store)).layers(1)[-1]
    save_state(store, layer, images)
    connection = http.client.HTTPConnection(urlsplit(address).netloc)

    def ask(filter_: int) -> tuple[float, dict[str, Any]]:
        begun = time.perf_counter()
        path = f"/filters/tops?run=1&layer={quote(layer.name)}&filter={filter_}"
        connection.request("GET", path)
        said = json.loads(connection.getresponse().read())
        return time.perf_counter() - begun, said

    while ask(0)[1].get("status") == "running":
        time.sleep(AGAIN_SECONDS)
    seconds = statistics.median(ask(filter_)[0] for filter_ in FILTERS)
    return [at_most(f"top images of a filter, {images:,} stored rows, p50", seconds, 0.2, "s", 3)]
