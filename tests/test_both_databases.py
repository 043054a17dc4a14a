"""The same runs in SQLite and in PostgreSQL: every reading, result and file is the same."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from reactcnn_dash import open_store
from reactcnn_dash.app import create_server
from reactcnn_dash.cli import main
from reactcnn_dash.db import (
    Clustering,
    ComparisonKey,
    ImageFilter,
    KeptResult,
    NewSlimming,
    RunWriter,
    SearchOrder,
    StoreReader,
    edit_run,
    keep_result,
    save_clustering,
    save_comparison,
    save_slimming,
)
from reactcnn_dash.jobs.runner import Jobs
from tests import compared, redundant, stores
from tests.db.samples import batch, new_run, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask import Flask

    from tests.postgres import Databases

OF_THE_STORE = ("uuid", "created_at", "heartbeat_at", "ended_at", "made_at", "rate")
"""What two runs that are alike do not share: when they were made, and how fast."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[list[str]]:
    """The URLs of a file and of a database with the same runs in them."""
    made = databases.make()
    urls = [f"sqlite:///{tmp_path_factory.mktemp('both') / 'store.db'}", made]
    for url in urls:
        fill(url)
    yield urls
    databases.drop(made)


def fill(url: str) -> None:
    truth = stores.truth(48, seed=4)
    stores.make_store(url, 48, name="first", made=truth)
    compared.write(url, "second", compared.other_checkpoint(truth, 5), experiment="e", epoch=2)
    redundant.write(url, redundant.planted())
    odd = batch(0, 8)
    odd.gap[2, 3], odd.probabilities[5] = np.nan, np.nan
    with RunWriter.begin(url, new_run(feature_maps="last:5", total=None)) as writer:
        writer.append(odd, [state(0, 4), state(1, 4)], rate=3.5)
        writer.set_skipped(2)
        writer.interrupt()
    edit_run(url, 1, name="größer – 1", note="seen\n\ttwice", tags=["a", "ß"])
    save_clustering(url, 1, Clustering(0, "louvain", 1.1, 48, np.arange(6, dtype=np.int32)))
    save_comparison(url, ComparisonKey(1, 2, "louvain", None, 48, 48), bytes(range(256)))
    keep_result(url, 1, "kind", "key", KeptResult(48, b"\0\1"))
    save_slimming(
        url,
        NewSlimming("5a" * 32, None, None, "refit", "/a.keras", {"x": 0.1}, {"layers": {"c": [1]}}),
    )


def plain(value: Any) -> Any:
    """A value so that two are equal if and only if every bit of them is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (one.name for one in dataclasses.fields(value))
        return {name: plain(getattr(value, name)) for name in fields if name not in OF_THE_STORE}
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, hashlib.sha256(value.tobytes()).hexdigest()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if name not in OF_THE_STORE}
    return repr(value)


READINGS: dict[str, Callable[[StoreReader], Any]] = {
    "runs": lambda r: r.runs(),
    "some runs": lambda r: r.runs(limit=2, offset=1),
    "summaries": lambda r: r.summaries(),
    "latest": lambda r: r.latest_run(),
    "by name": lambda r: [r.run(name) for name in ("größer – 1", "second", "2", "trial")],
    "layers": lambda r: [r.layers(run) for run in (1, 2, 3, 4)],
    "kernels": lambda r: r.kernel(1, "conv1"),
    "frames": lambda r: [r.frame(1, 5), r.frame(2, None), r.frame(4, 2), r.frame(None, 5)],
    "images": lambda r: [r.image(1, one) for one in range(48)],
    "rows": lambda r: [r.gap_rows(run, 0, 99) for run in (1, 2, 3, 4)],
    "blocks": lambda r: list(r.gap_blocks(1, 3, 40, r.layers(1)[1], size=7)),
    "rows of some": lambda r: r.gap_rows_of(1, [40, 3, 7, 99]),
    "facts": lambda r: [list(r.image_facts(r.run(run), 0, 99)) for run in (1, 4)],
    "predictions": lambda r: [r.predictions(r.run(run)) for run in (1, 2, 4)],
    "classes": lambda r: r.classes_of(4, [5, 0, 2, 77]),
    "maps": lambda r: [r.image_maps(r.run(1).uuid, one) for one in range(48)],
    "last maps": lambda r: (r.images_with_maps(4), r.image_maps(r.run(4).uuid, 6)),
    "pixels": lambda r: r.pixels_of(r.run(3).uuid, [5, 1, 3]),
    "wrong": lambda r: [
        r.nearest_misclassified(1, at, up) for at in range(48) for up in (False, True)
    ],
    "states": lambda r: [r.correlation_state(4, layer) for layer in (0, 1)],
    "clusterings": lambda r: r.clusterings(1),
    "comparison": lambda r: r.comparison(ComparisonKey(1, 2, "louvain", None, 48, 48)),
    "report": lambda r: r.kept(1, "kind", "key"),
    "slimmings": lambda r: r.slimmings(1),
    "searches": lambda r: [
        r.search(run, wanted, order, offset=offset, limit=7, near=12)
        for run in (1, 4)
        for wanted in (
            ImageFilter(),
            ImageFilter(label=1),
            ImageFilter(misclassified=True, last=30),
        )
        for order in SearchOrder
        for offset in (0, 5)
    ],
    "matching": lambda r: r.matching(1, ImageFilter(prediction=2, first=4)),
}


@pytest.mark.parametrize("name", READINGS)
def test_every_reading_is_the_same_to_the_bit(both: list[str], name: str) -> None:
    file, database = (plain(READINGS[name](StoreReader(url))) for url in both)
    assert file == database


def test_every_result_is_the_same(both: list[str]) -> None:
    found = []
    for url in both:
        run = open_store(url).run(1)
        found.append(
            [
                run.correlation("conv2").r,
                run.clusters("conv3").to_numpy(),
                run.probabilities(),
                run.gap(),
                run.images().to_csv().encode(),
            ]
        )
    for file, database in zip(*found, strict=True):
        if isinstance(file, bytes):
            assert file == database
        else:
            np.testing.assert_allclose(file, database, rtol=0, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "1", "2", "--json"],
        ["fault", "1", "2", "--json"],
        ["redundancy", "3", "--json"],
    ],
    ids=lambda words: words[0],
)
def test_every_command_says_the_same(
    both: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for url in both:
        assert main([*words, "--store", url]) == 0
        said.append(plain(json.loads(capsys.readouterr().out)))
    assert said[0] == said[1]


ADDRESSES = (
    "/runs/{uuid}/search?of=to-40.unsure&near=7",
    "/runs/{uuid}/images/3",
    "/runs/{uuid}/images/5/layers/1",
    "/filters/of?run=1&layer=conv2&filter=3",
    "/filters/clusters?run=1&layer=conv3&filter=3&method=leiden-cpm",
    "/redundancies/of?run=3",
    "/redundancies/stability?run=3&layer=conv1",
    "/slims/of?run=1",
)


@pytest.fixture(scope="module")
def servers(both: list[str]) -> list[Flask]:
    """A server over each."""
    return [create_server(StoreReader(url), url, Jobs()) for url in both]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_is_told_the_same(both: list[str], servers: list[Flask], address: str) -> None:
    said = []
    for url, server in zip(both, servers, strict=True):
        with server.test_client() as http:
            answer = http.get(address.format(uuid=StoreReader(url).run(1).uuid))
            assert answer.status_code == 200
            said.append(plain(answer.get_json()) if answer.is_json else answer.data)
    assert said[0] == said[1]


@pytest.mark.parametrize("kind", ["npz", "parquet", "graphml"])
def test_every_export_is_the_same_file(
    both: list[str], kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for number, url in enumerate(both):
        folder = tmp_path / str(number)
        words = ["export", "1", "--to", str(folder), "--format", kind, "--store", url]
        assert main(words) == 0
        capsys.readouterr()
        found.append({path.name: contents(path) for path in sorted(folder.iterdir())})
    assert found[0] == found[1]
    assert found[0]


def contents(path: Path) -> Any:
    if path.suffix != ".npz":
        return pd.read_parquet(path).to_csv() if path.suffix == ".parquet" else path.read_text()
    with np.load(path, allow_pickle=False) as arrays:
        names = (name for name in arrays if name not in OF_THE_STORE)
        return {name: plain(arrays[name]) for name in names}
