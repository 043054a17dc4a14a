"""Pruning: what is large goes, and what was summed over it stays."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collector.cli import main as collect
from reactcnn_dash.cli import main
from reactcnn_dash.db import (
    Pruned,
    RunBusy,
    RunWriter,
    StoreError,
    StoreReader,
    plan_pruning,
    prune_run,
)
from reactcnn_dash.pages.live.frames import frame_payload
from reactcnn_dash.results.moments import current_moments
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 200


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose run 1 has states over its first 192 images, as a collector leaves them."""
    path = tmp_path_factory.mktemp("whole") / "store.db"
    stores.make_store(path, IMAGES)
    assert collect(["rebuild", "1", "--store", str(path)]) == 0
    return path


@pytest.fixture
def path(tmp_path: Path, whole: Path) -> Path:
    """A copy of that store."""
    return shutil.copyfile(whole, tmp_path / "store.db")


def left(path: Path, kind: str) -> list[int]:
    """Ordinals of which something of a kind is left."""
    of = {
        "maps": "SELECT ordinal FROM feature_maps",
        "pixels": "SELECT ordinal FROM images WHERE length(pixels) > 4",
        "gap": "SELECT ordinal FROM images WHERE length(gap) > 4",
    }
    with closing(sqlite3.connect(path)) as connection:
        return [one for (one,) in connection.execute(f"{of[kind]} ORDER BY ordinal")]


def stored_bytes(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(
            connection.execute(
                "SELECT (SELECT sum(length(pixels) + length(gap) + length(probabilities))"
                " FROM images) + coalesce((SELECT sum(length(scales) + length(codes))"
                " FROM feature_maps), 0) + (SELECT sum(length(moments)) FROM correlation_states)"
            ).fetchone()[0]
        )


@pytest.mark.parametrize(
    ("keep", "first"),
    [
        ({"maps": 30}, {"maps": 170, "pixels": 0, "gap": 0}),
        ({"pixels": 0}, {"maps": 0, "pixels": IMAGES, "gap": 0}),
        ({"maps": 0, "pixels": 150, "gap": 50}, {"maps": IMAGES, "pixels": 50, "gap": 150}),
        # Rows that are in no state yet stay, whatever is asked for.
        ({"gap": 0}, {"maps": 0, "pixels": 0, "gap": 192}),
        ({"maps": 5000}, {"maps": 0, "pixels": 0, "gap": 0}),
    ],
)
def test_only_what_was_named_goes(path: Path, keep: dict[str, int], first: dict[str, int]) -> None:
    before = path.stat().st_size
    planned = plan_pruning(path, 1, keep)
    held = stored_bytes(path)
    done = prune_run(path, 1, keep)
    for kind, ordinal in first.items():
        assert left(path, kind) == list(range(ordinal, IMAGES)), kind
    assert done.parts == planned
    assert sum(part.size for part in planned) == held - stored_bytes(path)
    assert StoreReader(path).run(1).size == stored_bytes(path)
    assert before - path.stat().st_size >= done.given_back
    assert not any(part.images for part in plan_pruning(path, 1, keep))


def test_sums_stay_and_what_needs_a_row_says_that_it_was_pruned(path: Path) -> None:
    reader = StoreReader(path)
    layers = reader.layers(1)
    true = [current_moments(reader, 1, layer)[0] for layer in layers]
    prune_run(path, 1, {"maps": 0, "pixels": 0, "gap": 0})
    for layer, moments in zip(layers, true, strict=True):
        found, images = current_moments(reader, 1, layer)
        assert images == found.n == IMAGES
        np.testing.assert_array_equal(found.comoment, moments.comoment)
    frame = reader.frame(1, 7)
    assert frame is not None
    assert frame.image is not None
    assert frame.gap is not None
    assert np.isnan(frame.gap).all()
    payload = frame_payload(frame, layers, {})
    assert "image 7: its GAP row was pruned" in payload["notice"]
    assert payload["image"]["prediction"] == frame.image.prediction
    uuid = frame.run.uuid
    for read in (
        lambda: reader.gap_row(1, 7),
        lambda: reader.gap_rows(1, 0, IMAGES),
        lambda: reader.gap_rows_of(1, [3, 195]),
        lambda: reader.pixels(uuid, 7),
    ):
        with pytest.raises(Pruned, match="pruned"):
            read()
    assert reader.image_maps(uuid, 7) is None
    assert reader.pixels_of(uuid, [7]) == {}
    assert len(reader.gap_rows_of(1, [195]).rows) == 1
    # States that are gone could not be made again: they are not thrown away for less.
    assert collect(["rebuild", "1", "--store", str(path)]) == 4
    assert current_moments(reader, 1, layers[0])[1] == IMAGES


def test_gap_rows_stay_where_the_sums_are_not_whole(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE correlation_states SET moments = x'00' WHERE layer = 1")
    with pytest.raises(StoreError, match="python -m collector rebuild 1"):
        prune_run(path, 1, {"gap": 0})
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM correlation_states")
    with pytest.raises(StoreError, match="is missing"):
        prune_run(path, 1, {"gap": 0})
    assert len(left(path, "gap")) == IMAGES
    prune_run(path, 1, {"maps": 0})


def test_a_pruning_that_was_stopped_goes_on(path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(seen: int) -> None:
        if seen > 20:
            raise StopError

    with pytest.raises(StopError):
        prune_run(path, 1, {"pixels": 10}, stop)
    assert 10 < len(left(path, "pixels")) < IMAGES
    assert StoreReader(path).run(1).size == stored_bytes(path)
    prune_run(path, 1, {"pixels": 10})
    assert left(path, "pixels") == list(range(190, IMAGES))
    assert StoreReader(path).run(1).size == stored_bytes(path)


def test_a_run_that_is_being_collected_is_refused(path: Path) -> None:
    made = stores.truth(20)
    with RunWriter.begin(str(path), stores.new_run("live")) as writer:
        stores.append(writer, made, 0, 10)
        for attempt in (plan_pruning, prune_run):
            with pytest.raises(RunBusy, match="being collected"):
                attempt(path, "live", {"maps": 0})
        # Another run of the store is no concern of its collector.
        prune_run(path, 1, {"maps": 0})
        stores.append(writer, made, 10, 20)
    assert StoreReader(path).run("live").stored == 20


def test_the_command_says_what_goes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["prune", "1", "--store", str(path), "--keep", "maps:50", "gap:20"]
    assert main([*words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "feature maps of 150 images go: " in said
    assert "GAP rows of 180 images go: " in said
    assert len(left(path, "maps")) == IMAGES
    assert main(words) == 2
    assert "add --yes" in capsys.readouterr().err
    assert main([*words, "--yes"]) == 0
    assert "Pruned small" in capsys.readouterr().out
    assert left(path, "maps") == list(range(150, IMAGES))
    assert main([*words, "--yes"]) == 0
    assert "There is nothing to prune." in capsys.readouterr().out
    for wrong in ("maps", "maps:-1", "weights:3", "gap:1.5"):
        with pytest.raises(SystemExit) as ended:
            main([*words[:4], "--keep", wrong])
        assert ended.value.code == 2
        assert "none of maps:N, pixels:N, gap:N" in capsys.readouterr().err
