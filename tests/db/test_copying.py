"""Stores copied whole, copied in part, and where no store should be; the log that readers hold."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from reactcnn_dash.cli import main
from reactcnn_dash.db import RunState, RunWriter, StoreReader
from reactcnn_dash.db.copying import network_file_system
from reactcnn_dash.db.log import LARGE_BYTES
from tests.db.samples import batch, new_run


def test_a_live_store_is_copied_whole(
    url: str, path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "copy.db"
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 12))
        assert main(["copy", str(to), "--store", str(path)]) == 0
        writer.append(batch(12, 4))
    copied = StoreReader(str(to))
    run = copied.run(1)
    assert (run.stored, run.state) == (12, RunState.INTERRUPTED)
    assert np.array_equal(copied.gap_rows(1, 0, 99), batch(0, 12).gap)
    assert not to.with_name("copy.db-wal").exists()
    with RunWriter.resume(str(to), "1") as writer:
        writer.append(batch(12, 1))
    assert StoreReader(url).run(1).stored == 16
    capsys.readouterr()
    assert main(["copy", str(to), "--store", str(path)]) == 4
    assert "--force" in capsys.readouterr().err
    assert main(["copy", str(path), "--force", "--store", str(path)]) == 4
    assert main(["copy", str(to), "--force", "--store", str(path)]) == 0
    assert StoreReader(str(to)).run(1).stored == 16


@pytest.mark.parametrize("to", ["nowhere/copy.db", "."])
def test_what_cannot_be_copied_is_one_line(
    filled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], to: str
) -> None:
    assert main(["copy", str(tmp_path / to), "--store", filled]) == 4
    assert capsys.readouterr().err.count("\n") == 1


def test_a_store_that_was_copied_without_its_log_is_told(
    url: str, path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = tmp_path / "part.db"
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 4))
        shutil.copy(path, part)
        assert StoreReader(url).lacks_log() is None
    # At rest a store has none, and none is missed.
    assert StoreReader(url).lacks_log() is None
    assert main(["runs", "--store", str(part)]) == 0
    said = capsys.readouterr()
    assert "part.db-wal" in said.err
    assert said.err.count("\n") == 1


MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:40 / /home rw - nfs4 server:/home rw
31 30 8:2 / /home/me/disk rw - xfs /dev/sdb1 rw
32 22 0:41 / /mnt/with\\040space rw - fuse.sshfs me@there:/ rw
33 22 0:42 / /win rw - cifs //there/share rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/tmp/a.db", None), ("/home/me/a.db", "nfs4"), ("/home/me/disk/a.db", None),
     ("/mnt/with space/a.db", "fuse.sshfs"), ("/win/a.db", "cifs"), ("/windows/a.db", None)],
)  # fmt: skip
def test_a_network_file_system_is_known(path: str, kind: str | None) -> None:
    assert network_file_system(Path(path), MOUNTS) == kind


def test_a_log_that_a_reader_holds_is_told_and_folded_in_when_it_leaves(
    url: str, path: Path
) -> None:
    log = path.with_name(f"{path.name}-wal")
    large = new_run(image_shape=(600, 600, 3))
    noise = np.random.default_rng(1)
    with RunWriter.begin(url, large) as writer:

        def append() -> None:
            pixels = noise.integers(0, 256, (4, 600, 600, 3)).astype(np.uint8)
            four = batch(writer.stored, 4)
            object.__setattr__(four, "pixels", pixels)
            writer.append(four)

        append()
        assert writer.held is None
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM images").fetchone()
            while writer.held is None:
                append()
            assert writer.held > LARGE_BYTES
        while writer.held is not None:
            append()
        assert log.stat().st_size < LARGE_BYTES
