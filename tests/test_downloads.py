"""The run's files through the server: what they hold, and that nothing stays behind."""

from __future__ import annotations

import io
import tempfile
import threading
import warnings
import zipfile
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest

from reactcnn_dash.db import ImageFilter, StoreReader
from reactcnn_dash.export import ExportError
from reactcnn_dash.pages import downloads
from reactcnn_dash.results.clusters.clustering import ClusterRequest, cluster_view
from tests import served, stores

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

IMAGES = 30


@pytest.fixture
def url(tmp_path: Path) -> str:
    stores.make_store(tmp_path / "store.db", IMAGES, name="first run")
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def run(url: str) -> str:
    return f"/runs/{StoreReader(url).run(1).uuid}/export"


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def client(url: str, scratch: Path) -> FlaskClient:
    return served.client(downloads.blueprint, served.context(url))


@pytest.mark.process
def test_arrays_and_tables_are_the_runs_and_leave_nothing_behind(
    client: FlaskClient, run: str, scratch: Path
) -> None:
    made = stores.truth(IMAGES)
    answer = client.get(f"{run}/npz")
    assert "1-first-run.npz" in answer.headers["Content-Disposition"]
    archive = np.load(io.BytesIO(answer.data))
    np.testing.assert_array_equal(archive["gap"], made.gap)
    np.testing.assert_array_equal(archive["labels"], made.labels)
    answer.close()
    assert list(scratch.iterdir()) == []
    answer = client.get(f"{run}/parquet")
    assert "1-first-run-parquet.zip" in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.data)) as files:
        names = sorted(files.namelist())
    assert names == ["1-first-run-gap.parquet", "1-first-run-images.parquet"]
    answer.close()
    assert list(scratch.iterdir()) == []


@pytest.mark.process
def test_a_file_is_removed_when_the_reader_goes_away(
    client: FlaskClient, run: str, scratch: Path
) -> None:
    answer = client.get(f"{run}/npz", buffered=False)
    assert len(list(scratch.iterdir())) == 1
    answer.close()
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("subset", [None, "wrong"])
def test_a_graph_is_the_one_on_the_page(
    client: FlaskClient, run: str, url: str, subset: str | None
) -> None:
    query = f"layer=1&method=louvain&parameter=1.5{f'&subset={subset}' if subset else ''}"
    answer = client.get(f"{run}/graphml?{query}")
    assert answer.headers["Content-Disposition"].endswith("1-first-run-conv2.graphml")
    graph = nx.read_graphml(io.BytesIO(answer.data))
    wanted = ImageFilter(misclassified=True) if subset else None
    view = cluster_view(url, ClusterRequest(1, 1, "louvain", 1.5, wanted))
    assert [data["cluster"] for _, data in graph.nodes(data=True)] == view.labels.tolist()
    assert [data["filter"] for _, data in graph.nodes(data=True)] == list(range(8))
    edges = {(f"conv2/{a}", f"conv2/{b}"): r for a, b, r in view.edges}
    assert {(a, b): r for a, b, r in graph.edges(data="r")} == pytest.approx(edges)
    assert graph.graph["images"] == str(IMAGES // 3 if subset else IMAGES)
    assert graph.graph.get("subset") == subset


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("graphml", 400, "The run has no layer -1: it has 3."),
        ("graphml?layer=3", 400, "The run has no layer 3: it has 3."),
        ("graphml?layer=1&method=magic", 400, "No method 'magic'"),
        ("graphml?layer=1&subset=magic", 400, "means nothing"),
        ("graphml?layer=1&subset=from-2.to-2", 400, "needs at least 2 images"),
        ("graphml?layer=1&parameter=99", 400, "lies between"),
        ("graphml?layer=one", 400, "layer is a number, not 'one'"),
        ("graphml?layer=1&parameter=much", 400, "is no number"),
    ],
)
def test_what_cannot_be_had_is_one_line(
    client: FlaskClient, run: str, path: str, status: int, words: str
) -> None:
    answer = client.get(f"{run}/{path}")
    assert answer.status_code == status
    assert words in answer.text
    assert "\n" not in answer.text


def test_a_run_that_is_not_there_and_a_format_that_is_none(client: FlaskClient, run: str) -> None:
    assert client.get("/runs/none/export/npz").status_code == 404
    assert client.head("/runs/none/export/npz").status_code == 404
    assert client.get(f"{run}/csv").status_code == 404


@pytest.mark.process
def test_one_export_at_a_time_and_a_failed_one_leaves_nothing(
    client: FlaskClient, run: str, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, over = threading.Event(), threading.Event()

    def slow(*_: object) -> Path:
        begun.set()
        over.wait(timeout=20)
        raise ExportError("no space left on device.")

    monkeypatch.setattr(downloads, "write_files", slow)
    answers = []
    first = threading.Thread(target=lambda: answers.append(client.get(f"{run}/npz")))
    first.start()
    assert begun.wait(timeout=20)
    second = client.application.test_client().get(f"{run}/npz")
    assert second.status_code == 503
    assert "Another export is under way" in second.text
    # Who only asks whether there is something has none made.
    assert client.application.test_client().head(f"{run}/npz").status_code == 200
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        over.set()
        first.join()
    # Python warns of a folder that nobody removed but its collector.
    assert not [one for one in seen if issubclass(one.category, ResourceWarning)]
    assert answers[0].status_code == 503
    assert answers[0].text == "no space left on device."
    assert list(scratch.iterdir()) == []
    monkeypatch.undo()
    assert client.get(f"{run}/npz").status_code == 200


@pytest.mark.process
def test_the_exports_own_words_come_through(url: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no run '9'"):
        downloads.write_files(url, 9, "npz", tmp_path)
