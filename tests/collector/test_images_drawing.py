"""``--limit`` and ``--first``: even over the classes, always the same, and resumed to the image."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
from collections import Counter
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from collector.cli import main
from collector.images import draw, open_images
from collector.images.drawing import drawn
from reactcnn_dash.db import RunState, StoreReader
from reactcnn_dash.errors import INPUT
from tests.collector.test_process import stored
from tests.collector.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.fitting


@given(
    st.lists(st.integers(-1, 5), min_size=1, max_size=80),
    st.integers(1, 90),
)
@settings(max_examples=200, deadline=None)
def test_the_first_are_even_over_the_classes(labels: list[int], count: int) -> None:
    numbers = np.array(labels)
    order = drawn(numbers, count)
    assert sorted(order) == list(range(len(labels)))
    first = order[:count]
    assert list(first) == sorted(first)
    taken, there = Counter(numbers[first].tolist()), Counter(labels)
    for one in there:
        for other in there:
            # Nobody gives up an image that another class has twice more of.
            assert taken[one] == there[one] or taken[other] <= taken[one] + 1


def test_more_images_hold_those_of_fewer() -> None:
    labels = np.random.default_rng(0).integers(0, 4, 500)
    sets = [set(drawn(labels, count)[:count].tolist()) for count in (10, 50, 51, 400)]
    for fewer, more in pairwise(sets):
        assert fewer < more


def test_draws_never_change() -> None:
    # Whoever resumes a run years later needs the very same.
    assert drawn(np.arange(12) % 3, 4).tolist() == DRAWN


DRAWN = [0, 3, 5, 7, 1, 2, 4, 6, 8, 10, 11, 9]


def pictures(root: Path, **classes: int) -> Path:
    generator = np.random.default_rng(2)
    for name, count in classes.items():
        folder = root / "pictures" / name
        folder.mkdir(parents=True)
        for index in range(count):
            pixels = generator.integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{index:03}.png")
    return root / "pictures"


def sources(root: Path, kind: str) -> str:
    if kind == "folder":
        return str(pictures(root, ant=30, bee=20, cat=4))
    labels = np.repeat([0, 1, 2], [30, 20, 4])
    images = np.random.default_rng(2).integers(0, 256, (54, 8, 8, 3), np.uint8)
    np.savez(root / "a.npz", images=images, labels=labels)
    return str(root / "a.npz")


def run_of(store: Path, run: int = 1) -> tuple[list[int | None], list[bytes]]:
    reader = StoreReader(str(store))
    count = reader.run(run).stored
    images = [reader.image(run, ordinal) for ordinal in range(count)]
    return [image.label for image in images], [image.pixels.tobytes() for image in images]


@pytest.mark.parametrize("kind", ["folder", "npz"])
def test_a_limit_is_a_sample_and_first_the_first(
    tmp_path: Path, tiny_path: Path, kind: str
) -> None:
    images = sources(tmp_path, kind)
    words = ["--model", str(tiny_path), "--images", images, "--store", str(tmp_path / "a.db")]
    words += ["--quiet", "--batch-size", "5"]
    assert main([*words, "--limit", "15"]) == 0
    assert main([*words, "--limit", "15"]) == 0
    assert main([*words, "--first", "15"]) == 0
    assert main([*words, "--limit", "500"]) == 0
    assert main(words) == 0
    reader = StoreReader(str(tmp_path / "a.db"))
    assert [(run.stored, run.total) for run in map(reader.run, range(1, 6))] == [
        (15, 15), (15, 15), (15, 15), (54, 54), (54, 54),
    ]  # fmt: skip
    labels, pixels = run_of(tmp_path / "a.db")
    counts = Counter(labels)
    assert (counts[2], {counts[0], counts[1]}) == (4, {5, 6})
    assert run_of(tmp_path / "a.db", 2) == (labels, pixels)
    every = run_of(tmp_path / "a.db", 5)
    assert run_of(tmp_path / "a.db", 3) == (every[0][:15], every[1][:15])
    assert run_of(tmp_path / "a.db", 4) == every
    # In the order of the source.
    places = [every[1].index(one) for one in pixels]
    assert places == sorted(places)


def test_limit_and_first_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--limit", "3", "--first", "3"])
    assert capsys.readouterr().err.count("\n") == 1


def test_files_that_cannot_be_read_are_made_up_for(tmp_path: Path, tiny_path: Path) -> None:
    folder = pictures(tmp_path, ant=40, bee=40, cat=40)
    for index in range(0, 40, 2):
        (folder / "ant" / f"{index:03}.png").write_bytes(b"no picture")
    store = tmp_path / "a.db"
    words = ["--model", str(tiny_path), "--images", str(folder), "--store", str(store), "--quiet"]
    assert main([*words, "--limit", "30", "--batch-size", "4"]) == 3
    run = StoreReader(str(store)).run(1)
    assert (run.stored, run.total, run.state) == (30, 30, RunState.FINISHED)
    assert run.skipped > 0
    counts = Counter(run_of(store)[0])
    assert min(counts[label] for label in (0, 1, 2)) >= 6
    # All that is there, when it is less than was asked for.
    assert main([*words, "--limit", "119"]) == 3
    run = StoreReader(str(store)).run(2)
    assert (run.stored, run.total, run.skipped) == (100, 100, 20)


@contextmanager
def interrupting(store: Path, after: int) -> Iterator[None]:
    """Press Ctrl-C in this process as soon as so many images are stored."""

    def press() -> None:
        wait_until(lambda: stored(store) >= after)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.mark.parametrize("kind", ["folder", "npz", "sample"])
@pytest.mark.parametrize("option", ["--limit", "--first"])
def test_an_interrupted_sample_is_resumed_to_the_very_images(
    tmp_path: Path, tiny_path: Path, kind: str, option: str
) -> None:
    images = kind if kind == "sample" else sources(tmp_path, kind)
    if kind == "folder":
        for index in (3, 11, 17, 22):
            (tmp_path / "pictures" / "ant" / f"{index:03}.png").write_bytes(b"")
    store, whole = tmp_path / "a.db", tmp_path / "whole.db"
    words = ["--model", str(tiny_path), "--images", images, "--batch-size", "3", "--no-scores"]
    words += [option, "40"]
    assert main([*words, "--store", str(whole), "--quiet"]) in (0, 3)
    with interrupting(store, after=9):
        assert main([*words, "--store", str(store), "--pace", "60"]) == 130
    assert 9 <= stored(store) < 40
    again = ["--store", str(store), "--resume", "1", "--pace", "1000000"]
    for other in ("--limit", "--first"):
        for number in ("39", "41"):
            assert main([*again, other, number]) == INPUT
    assert main([*again, option, "40", "--quiet"]) in (0, 3)
    assert run_of(store) == run_of(whole)
    one, other_run = StoreReader(str(store)).run(1), StoreReader(str(whole)).run(1)
    assert (one.stored, one.total, one.skipped) == (
        other_run.stored,
        other_run.total,
        other_run.skipped,
    )
    assert one.stored == 40


def test_a_run_begun_before_there_were_samples_goes_on_with_the_first(
    tmp_path: Path, tiny_path: Path, tiny_images: Path
) -> None:
    store = tmp_path / "a.db"
    words = ["--model", str(tiny_path), "--images", str(tiny_images), "--store", str(store)]
    assert main([*words, "--first", "6", "--quiet"]) == 0
    with closing(sqlite3.connect(store)) as connection, connection:
        (options,) = connection.execute("select options from runs").fetchone()
        old = json.loads(options)
        for name in ("first", "reading", "value_range", "classes"):
            del old[name]
        old["limit"] = 12
        connection.execute(
            "update runs set state = 'interrupted', total = 12, options = ?", [json.dumps(old)]
        )
    assert main(["--store", str(store), "--resume", "1", "--limit", "12", "--quiet"]) == 0
    _, pixels = run_of(store)
    images = np.load(tiny_images)["images"]
    assert pixels == [image.tobytes() for image in images[:12]]


def test_sources_are_drawn_from_as_they_are(tmp_path: Path) -> None:
    folder = pictures(tmp_path, ant=9, bee=9)
    Image.new("RGB", (8, 8)).save(folder / "loose.png")
    source = open_images(str(folder))
    some: Any = draw(source, 7)
    assert draw(source, None) is draw(source, 19) is source
    assert (len(some), some.identity, some.spec) == (19, source.identity, source.spec)
    # What has no label is drawn as a class of its own.
    assert Counter(some.labels[:7].tolist()) == {-1: 1, 0: 3, 1: 3}
    chunk = some.read(0, 19, (8, 8, 3))
    assert list(chunk.labels) == list(some.labels)
    assert len(set(chunk.names)) == 19
    position = 0
    for stored_images, name in enumerate(chunk.names, 1):
        position = some.position_after(stored_images, name)
        assert position == stored_images
    assert len(some.read(19, 25, (8, 8, 3))) == 0


def test_training_probes_are_even_over_the_classes(tmp_path: Path, tiny_path: Path) -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 40)
    images = generator.integers(0, 256, (120, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "a.npz", images=images, labels=labels)
    store = tmp_path / "a.db"
    words = ["train", "--data", str(tmp_path / "a.npz"), "--validation", str(tmp_path / "a.npz")]
    words += ["--from", str(tiny_path), "--store", str(store), "--probe", "9", "--epochs", "2"]
    words += ["--checkpoints", str(tmp_path / "ck"), "--batch-size", "60"]
    assert main(words) == 0
    first = run_of(store)
    assert Counter(first[0]) == {0: 3, 1: 3, 2: 3}
    assert run_of(store, 2) == first
    (tmp_path / "ck" / "epoch-002.keras").unlink()
    assert main(["train", "--resume", "--checkpoints", str(tmp_path / "ck")]) == 0
    assert run_of(store, 3) == first


def test_training_on_files_of_which_none_can_be_read_names_them(
    tmp_path: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for index in range(4):
            (tmp_path / "data" / name / f"{index}.png").write_bytes(b"no picture")
    words = ["train", "--data", str(tmp_path / "data"), "--from", str(tiny_path)]
    assert main([*words, "--checkpoints", str(tmp_path / "ck")]) == INPUT
    said = capsys.readouterr().err
    assert "none of the 8 images could be read: a/0.png: not a" in said
    assert said.count("\n") == 1


def test_a_collector_that_can_read_nothing_names_three_and_why(
    tmp_path: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"")
    words = ["--images", str(folder), "--model", str(tiny_path), "--quiet"]
    words += ["--store", str(tmp_path / "a.db")]
    assert main(words) == INPUT
    assert "the only image could not be read: a.png: empty file." in capsys.readouterr().err
    (folder / "b.jpg").write_bytes(b"%PDF-1.4")
    Image.new("RGB", (9, 9)).save(folder / "c.tga")
    (folder / "d.png").symlink_to(folder / "gone")
    (folder / "e.png").write_text("x")
    assert main(words) == INPUT
    said = capsys.readouterr().err
    for part in (
        "none of the 5 images could be read: a.png: empty file; b.jpg: a PDF",
        "; c.tga: not a JPEG",
        "; and 2 more.",
    ):
        assert part in said
    assert said.count("\n") == 1
