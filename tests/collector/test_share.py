"""``--share``: several collectors, one run; what they store is what one alone stores."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from collector.cli import main
from reactcnn_dash.db import RunState, Shared, StoreError, StoreReader
from reactcnn_dash.results.deviations.scores import SCORES
from tests.collector.onnx_graphs import Builder, photos, saved
from tests.collector.waiting import DEADLINE, wait_until

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 600
"""Three ranges."""


def network(folder: Path, name: str = "net.onnx", seed: int = 0, filters: int = 6) -> str:
    made = Builder(seed=seed)
    tensor = made.add("Relu", made.conv("pixels", 3, 5, name="first"), name="first_relu")
    tensor = made.add("Relu", made.conv(tensor, 5, filters, name="second"), name="second_relu")
    return saved(made.classified(tensor, filters), folder, name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network, and images with labels."""
    made = tmp_path_factory.mktemp("share")
    network(made)
    network(made, "other.onnx", seed=1)
    for name, count in (("images.npz", IMAGES), ("others.npz", IMAGES - 1)):
        pixels = photos(count)
        # Brightness varies from image to image, so that filters do.
        light = np.random.default_rng(1).random((count, 1, 1, 1))
        labels = np.arange(count) % 4
        np.savez(made / name, images=(pixels * light).astype(np.uint8), labels=labels)
    return made


def words(folder: Path, store: Path, *more: str) -> list[str]:
    return [
        *("--model", str(folder / "net.onnx"), "--images", str(folder / "images.npz")),
        *("--batch-size", "32", "--feature-maps", "last:70", "--store", str(store), *more),
    ]


def content(store: Path, table: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(store)) as connection:
        return connection.execute(f"select * from {table} order by 1, 2, 3").fetchall()


def check_equal(store: Path, single: Path) -> None:
    for table in ("images", "feature_maps"):
        assert content(store, table) == content(single, table), table
    one, other = StoreReader(str(store)), StoreReader(str(single))
    run, alone = one.run(1), other.run(1)
    assert run.state is RunState.FINISHED
    for name in ("stored", "labelled", "correct", "total", "skipped", "odd"):
        assert getattr(run, name) == getattr(alone, name), name
    gap = one.gap_rows(1, 0, run.stored).astype(np.float64)
    for layer in one.layers(1):
        state = one.correlation_state(1, layer.position)
        assert state is not None
        assert state.n == state.covered == run.stored
        rows = gap[:, layer.offset : layer.offset + layer.filters]
        true = (rows - rows.mean(0)).T @ (rows - rows.mean(0))
        assert np.abs(state.comoment - true).max() <= 1e-10 * np.abs(true).max()


@pytest.fixture(scope="module")
def single(folder: Path) -> Path:
    """The same run by one collector."""
    store = folder / "single.db"
    assert main(words(folder, store, "--quiet")) == 0
    return store


def test_one_worker_stores_what_a_collector_alone_does(
    folder: Path, single: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "a.db"
    assert main(words(folder, store, "--share", "big")) == 0
    check_equal(store, single)
    said = capsys.readouterr().err
    assert "run     1 (big) begins, shared" in said
    assert "finished with 600 images, 600 by this worker" in said
    reader, alone = StoreReader(str(store)), StoreReader(str(single))
    scores, expected = SCORES.find(reader, reader.run(1)), SCORES.find(alone, alone.run(1))
    assert scores is not None
    assert expected is not None
    assert scores.final(reader.run(1))
    assert scores.extent == expected.extent == (IMAGES, IMAGES)
    np.testing.assert_allclose(scores.scores, expected.scores, rtol=1e-3, atol=1e-3)
    # A worker that comes late has nothing to do, and looks for neither model nor images.
    assert main(["--share", "big", "--store", str(store), "--model", "gone.onnx"]) == 0
    assert "run 1 is finished with 600 images: nothing to do." in capsys.readouterr().err


@pytest.mark.process
def test_workers_come_are_killed_and_interrupted(
    folder: Path, single: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "a.db"
    begin = words(folder, store, "--share", "big", "--no-scores")
    reader = StoreReader(str(store))

    def shared() -> Shared:
        try:
            return reader.run(1).shared or Shared(0, 0)
        except StoreError:
            return Shared(0, 0)

    def start(*more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "collector", *begin, *more]
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    # Both at once: one of them begins the run.
    slow, quick = start("--pace", "20"), start("--pace", "40")
    with slow, quick:
        try:
            wait_until(lambda: shared().workers == 2 and shared().images >= 96)
            assert len(reader.runs()) == 1
            slow.send_signal(signal.SIGKILL)
            slow.communicate(timeout=DEADLINE)
            quick.send_signal(signal.SIGINT)
            _, said = quick.communicate(timeout=DEADLINE)
        finally:
            slow.kill()
            quick.kill()
    assert quick.returncode == 128 + signal.SIGINT
    assert "gave back what it held; go on with --share big --store" in said
    run = reader.run(1)
    assert run.state is RunState.INTERRUPTED
    assert run.shared is not None
    assert run.shared.workers == 0
    assert run.stored <= run.shared.images < IMAGES
    assert main(words(folder, store, "--resume", "1")) == 4
    assert "take part in it with --share 1" in capsys.readouterr().err
    # Whoever goes on need not repeat what the run is.
    assert main(["--share", "1", "--store", str(store), "--pace", "9999", "--quiet"]) == 0
    check_equal(store, single)


@pytest.fixture(scope="module")
def begun(folder: Path) -> Path:
    """A store with a shared run that was interrupted before its first image."""
    from reactcnn_dash.db import SharedRun
    from reactcnn_dash.results.moments import merged

    store = folder / "begun.db"
    assert main(words(folder, store, "--first", "32", "--name", "alone", "--quiet")) == 0
    found = folder / "begun"
    found.mkdir()
    command = [sys.executable, "-m", "collector", *words(folder, store, "--share", "big")]
    with subprocess.Popen([*command, "--pace", "0.1"], stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: len(StoreReader(str(store)).runs()) == 2)
        process.kill()
    with SharedRun.join(str(store), 2, merged) as shared:
        shared.leave()
    return store


@pytest.mark.process
@pytest.mark.parametrize(
    "case",
    [
        (("--model", "other.onnx"), 3, "the weights of"),
        (("--images", "others.npz"), 3, "the images are not those of run 2"),
        (("--batch-size", "16"), 3, "begun with --batch-size 32; it cannot go on"),
        (("--feature-maps", "all"), 3, "begun with --feature-maps last:70"),
        (("--pixel-range", "0-1"), 3, "begun with --pixel-range 0-255"),
        (("--limit", "100"), 3, "begun without --limit"),
        (("--first", "100"), 3, "begun without --first"),
        (("--share", "alone"), 4, "was begun by a single collector"),
        (("--share", "17"), 4, "no run '17'"),
    ],
)
def test_who_brings_something_else_is_told_what_differs(
    begun: Path,
    folder: Path,
    case: tuple[tuple[str, ...], int, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    options, code, said = case
    given = [str(folder / one) if one.endswith(("npz", "onnx")) else one for one in options]
    found = main(["--share", "big", "--store", str(begun), "--quiet", "--pace", "9999", *given])
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert found == code
    run = StoreReader(str(begun)).run(2)
    assert run.shared is not None
    assert run.shared.workers == 0


def test_resume_and_share_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--share", "a", "--resume", "b"])
    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_keeps_its_place(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "pictures" / "one"
    pictures.mkdir(parents=True)
    for number, pixels in enumerate(photos(40)):
        Image.fromarray(pixels).save(pictures / f"{number:02}.png")
    whole, broken = tmp_path / "whole.db", tmp_path / "broken.db"
    options = ["--model", str(folder / "net.onnx"), "--images", str(pictures.parent)]
    options += ["--batch-size", "8", "--share", "big", "--quiet", "--feature-maps", "all"]
    assert main([*options, "--store", str(whole)]) == 0
    for number in (3, *range(16, 24)):
        (pictures / f"{number:02}.png").write_bytes(b"no picture")
    capsys.readouterr()
    assert main([*options, "--store", str(broken)]) == 3
    said = capsys.readouterr().err
    assert "9 files were skipped" in said
    assert "03.png" in said
    one, other = StoreReader(str(whole)), StoreReader(str(broken))
    run = other.run(1)
    assert (run.state, run.stored, run.skipped) == (RunState.FINISHED, 40, 9)
    assert run.labelled == 0
    gone = {3, *range(16, 24)}
    for ordinal in range(40):
        image = other.image(1, ordinal)
        assert image.name == one.image(1, ordinal).name
        assert image.finite is (ordinal not in gone)
        if ordinal not in gone:
            assert image.sha256 == one.image(1, ordinal).sha256
            # Its neighbours in the batch are others in number: the last bits may differ.
            np.testing.assert_allclose(
                other.gap_row(1, ordinal), one.gap_row(1, ordinal), rtol=1e-5, atol=1e-6
            )
    state = other.correlation_state(1, 0)
    assert state is not None
    assert (state.covered, state.n) == (40, 31)
