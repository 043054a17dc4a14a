"""Values in the store that are damaged, of another shape, or that would take gigabytes."""

from __future__ import annotations

import json
import resource
import sqlite3
import struct
import subprocess
import sys
import zipfile
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from collector.errors import ModelError
from collector.frameworks.keras.modelfile import checked_model_file
from collector.images import ImageSourceError, open_images
from collector.images.npz import _refuse_too_large
from reactcnn_dash.app import create_server
from reactcnn_dash.cli import main
from reactcnn_dash.db import StoreReader, pack
from reactcnn_dash.jobs.runner import Jobs
from tests import stores

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]


def huge(letter: bytes, compression: int, shape: tuple[int, ...], payload: bytes = b"") -> bytes:
    """A stored array with a sound checksum whose header asks for a lot."""
    dimensions = struct.pack(f"<{len(shape)}I", *shape)
    dimensions += bytes(-(12 + len(dimensions)) % 8)
    check = zlib.crc32(bytes((letter[0], compression, len(shape))) + dimensions)
    check = zlib.crc32(payload, check)
    head = struct.pack("<4s4BI", b"RCB1", letter[0], compression, len(shape), 0, check)
    return head + dimensions + payload


DAMAGES: dict[str, tuple[str, bytes]] = {
    "gap checksum": ("gap", b"RC" + bytes(60)),
    "gap shorter": ("gap", pack(np.ones(29, np.float32))),
    "gap longer": ("gap", pack(np.ones(31, np.float32))),
    "gap of another kind": ("gap", pack(np.ones(30, np.float64))),
    "gap of two dimensions": ("gap", pack(np.ones((30, 1), np.float32))),
    "gap of 16 GB": ("gap", huge(b"f", 2, (2**16, 2**16))),
    "pixels of 8 GB": ("pixels", huge(b"B", 2, (2**31, 4))),
    "pixels of another size": ("pixels", pack(np.ones((9, 8, 3), np.uint8))),
    "probabilities of 16 GB": ("probabilities", huge(b"f", 2, (2**32 - 1,))),
    "probabilities, one too many": ("probabilities", pack(np.ones(4, np.float32))),
    "empty": ("gap", b""),
}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    stores.make_store(path, 80)
    return path


def damage(path: Path, column: str, blob: bytes) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(f"UPDATE images SET {column} = ? WHERE ordinal IN (3, 70)", (blob,))


@pytest.mark.parametrize("name", DAMAGES)
def test_every_page_and_export_goes_on_without_the_damaged_rows(
    store: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(store, *DAMAGES[name])
    url = f"sqlite:///{store}"
    uuid = StoreReader(url).run(1).uuid
    with create_server(StoreReader(url), url, Jobs()).test_client() as http:
        for address in (
            "/redundancies/of?run=1", "/filters/of?run=1", "/filters/tops?run=1",
            "/filters/clusters?run=1", f"/deviations/{uuid}", f"/deviations/{uuid}/images/3",
            f"/runs/{uuid}/images/3", f"/runs/{uuid}/images/3/layers/1",
            f"/runs/{uuid}/thumbnails?of=3,4", f"/runs/{uuid}/search?of=all",
            f"/runs/{uuid}/export/graphml?layer=2",
        ):  # fmt: skip
            answer = http.get(address)
            assert answer.status_code in (200, 410), (address, answer.text)
    to = tmp_path / "out"
    words = ["export", "1", "--store", str(store), "--to", str(to), "--format", "npz"]
    assert main(words) == 0
    said = capsys.readouterr().err
    if "pixels" not in DAMAGES[name][0]:
        assert "2 of 80 images have a damaged value" in said
    gap = np.load(to / "1-small.npz")["gap"]
    kept = np.delete(np.arange(80), [3, 70])
    np.testing.assert_array_equal(gap[kept], stores.truth(80).gap[kept])
    assert np.isnan(gap[[3, 70]]).all() == (DAMAGES[name][0] == "gap")


@pytest.mark.parametrize("column", ["class_names", "image_shape", "options", "gap_low", "tags"])
def test_a_run_whose_own_row_is_damaged_is_told_in_one_line(
    store: Path, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{store}"
    uuid = StoreReader(url).run(1).uuid
    with closing(sqlite3.connect(store)) as raw, raw:
        raw.execute(f"UPDATE runs SET {column} = substr({column}, 2) || char(34)")
    with create_server(StoreReader(url), url, Jobs()).test_client() as http:
        for address in ("/redundancies/of?run=1", "/filters/of?run=1", f"/deviations/{uuid}",
                        f"/runs/{uuid}/images/3"):  # fmt: skip
            answer = http.get(address)
            assert answer.status_code != 500, (address, answer.text)
    assert main(["redundancy", "1", "--store", str(store)]) == 4
    said = capsys.readouterr().err
    assert "a value of a run is damaged" in said
    assert said.count("\n") == 1


def test_a_rebuild_and_a_report_count_what_they_leave_out(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from collector.cli import main as collect

    damage(store, *DAMAGES["gap longer"])
    assert collect(["rebuild", "1", "--store", str(store)]) == 0
    assert "2 GAP rows are damaged" in capsys.readouterr().err
    assert main(["redundancy", "1", "--store", str(store)]) == 0
    assert "2 images are left out" in capsys.readouterr().out


@pytest.mark.process
def test_what_a_header_asks_for_is_never_allocated(store: Path) -> None:
    for column in ("gap", "pixels", "probabilities"):
        damage(store, column, huge(b"f", 2, (2**16, 2**15)))
    with closing(sqlite3.connect(store)) as raw, raw:
        raw.execute("UPDATE feature_maps SET codes = ?", (huge(b"B", 2, (2**32 - 1,)),))
    code = (
        "import sys; from reactcnn_dash.db import StoreReader, DamagedBlob\n"
        "reader = StoreReader(sys.argv[1]); uuid = reader.run(1).uuid\n"
        "for read in (lambda: reader.image(1, 3), lambda: reader.gap_row(1, 3),\n"
        "             lambda: reader.pixels(uuid, 3), lambda: reader.image_maps(uuid, 3)):\n"
        "    try: read()\n"
        "    except DamagedBlob: continue\n"
        "    sys.exit(5)"
    )

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))

    done = subprocess.run(
        [sys.executable, "-c", code, str(store)],
        cwd=ROOT, preexec_fn=little, capture_output=True, text=True, check=False,
        env={"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_an_archive_that_expands_beyond_the_memory_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, images=np.zeros((3000, 64, 64, 3), np.uint8))
    assert path.stat().st_size < 100_000
    with pytest.raises(ImageSourceError, match=r"expands to .* of memory"):
        _refuse_too_large(path, free=30_000_000)
    _refuse_too_large(path, free=40_000_000)


def test_a_pickle_in_an_archive_has_a_line_of_its_own(tmp_path: Path) -> None:
    import pickle

    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", pickle.dumps(np.zeros((2, 4, 4, 3), np.uint8)))
    with pytest.raises(ImageSourceError, match="pickle") as told:
        open_images(str(path), progress=None)
    assert "\n" not in str(told.value)


def dense(units: int) -> dict[str, object]:
    return {"class_name": "Dense", "config": {"name": "big", "units": units}}


@pytest.mark.parametrize(
    "layers",
    [
        [dense(10**9)],
        [dense(40_000), dense(40_000)],
        [
            {
                "class_name": "Conv2D",
                "config": {"name": "c", "filters": 10**8, "kernel_size": [3, 3]},
            }
        ],
        [
            {
                "class_name": "Conv2D",
                "config": {"name": "c", "filters": 5000, "kernel_size": [9, 9], "groups": 1},
                "build_config": {"input_shape": [None, 8, 8, 9000]},
            }
        ],
        [{"class_name": "Embedding", "config": {"input_dim": 10**9, "output_dim": 4}}],
    ],
)
def test_a_model_that_asks_for_more_weights_than_its_file_has_is_refused(
    tmp_path: Path, layers: list[dict[str, object]]
) -> None:
    path = tmp_path / "model.keras"
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", bytes(100_000))
    with pytest.raises(ModelError, match="cannot hold that many") as told:
        checked_model_file(str(path))
    assert "\n" not in str(told.value)
