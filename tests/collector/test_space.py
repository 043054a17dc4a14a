"""What a run will write, said before it begins where that is a lot."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from collector import ReactCNNCallback
from collector.cli import main
from collector.frameworks.keras.models import LoadedModel
from collector.frameworks.keras.network import Network, understand
from collector.space import space_notice
from reactcnn_dash.db import StoreAddress, StoreReader

if TYPE_CHECKING:
    from pathlib import Path

    from reactcnn_dash.db import NewRun


class Run:
    def __init__(self, feature_maps: str) -> None:
        self.feature_maps = feature_maps


def said(network: Network, maps: str, images: int, store: str = "a.db") -> str | None:
    run: NewRun | Any = Run(maps)
    return space_notice(network, run, images, store)


def network(side: int) -> keras.Model:
    """64 feature maps of an image's size: 4 MB where that is 256 pixels."""
    layers = keras.layers
    inputs = keras.Input((side, side, 3))
    x = layers.Conv2D(64, 3, padding="same")(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(x))


@pytest.fixture(scope="module")
def large() -> Network:
    """4 MB of feature maps an image."""
    model = network(256)
    return understand(LoadedModel("m", "", model, "", model.count_params(), None))


def free(monkeypatch: pytest.MonkeyPatch, count: float) -> None:
    usage = shutil.disk_usage(".")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=int(count)))


@pytest.mark.parametrize(
    ("asked", "room", "expected"),
    [
        (("all", 1000), 1e12, "3.3 GB"),
        (("all", 100), 1e12, None),
        (("all", 100), 2e9, "334 MB"),
        (("none", 1000), 1e12, None),
        (("none", 20000), 1e12, "3.9 GB"),
        (("none", 1000), 1e9, "197 MB"),
        (("last:1000", 5000), 1e12, "4.1 GB"),
        (("last:10", 1000), 1e12, None),
        (("all", 1000), 1e9, "3.3 GB"),
    ],
)
def test_more_than_2_gb_or_a_tenth_of_what_is_free(
    large: Network,
    monkeypatch: pytest.MonkeyPatch,
    asked: tuple[str, int],
    room: float,
    expected: str | None,
) -> None:
    free(monkeypatch, room)
    notice = said(large, *asked)
    if expected is None:
        assert notice is None
        return
    assert notice is not None
    assert f"will write some {expected}" in notice
    assert ("feature maps of" in notice) == (asked[0] != "none")
    assert "--limit N" in notice
    assert "\n" not in notice


def test_another_database_has_no_disk_to_ask(large: Network) -> None:
    assert StoreAddress.of("postgresql://somewhere/db").path is None
    assert said(large, "all", 100, "postgresql://somewhere/db") is None
    assert "free" not in (said(large, "all", 10_000, "postgresql://somewhere/db") or "free")


def test_what_is_said_is_about_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network(96).save(tmp_path / "m.keras")
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (12, 96, 96, 3), np.uint8)
    np.savez(tmp_path / "a.npz", images=images)
    free(monkeypatch, 20e6)
    store = tmp_path / "a.db"
    words = ["--model", str(tmp_path / "m.keras"), "--images", str(tmp_path / "a.npz")]
    words += ["--feature-maps", "all", "--batch-size", "4", "--no-scores", "--store", str(store)]
    assert main(words) == 0
    found = re.search(r"will write some ([\d.]+) MB", capsys.readouterr().err)
    assert found is not None
    size = sum(path.stat().st_size for path in tmp_path.glob("a.db*"))
    # Noise is what compresses least.
    assert 0.6 < float(found[1]) * 1e6 / size < 1.4
    assert StoreReader(str(store)).run(1).stored == 12
    assert main([*words, "--limit", "2", "--feature-maps", "none"]) == 0
    assert "will write" not in capsys.readouterr().err


def test_a_training_is_told_of_all_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((64, 64, 3)), layers.Conv2D(8, 3), layers.GlobalAveragePooling2D(),
         layers.Dense(2, activation="softmax")]
    )  # fmt: skip
    model.compile(loss="sparse_categorical_crossentropy", run_eagerly=True)
    x, y = np.zeros((12, 64, 64, 3), np.uint8), np.zeros(12, np.int64)

    def trained(room: float) -> list[str]:
        free(monkeypatch, room)
        caplog.clear()
        callback = ReactCNNCallback(
            str(tmp_path / "a.db"), x, feature_maps="all", every=2, pixel_range="0-255"
        )
        model.fit(x, y, epochs=6, verbose=0, callbacks=[callback])
        return [one for one in map(str, (r.getMessage() for r in caplog.records)) if "write" in one]

    assert trained(1e12) == []
    (told,) = trained(10e6)
    assert "3 runs will write some" in told
    assert "probe=N" in told
    # Once for a training, whatever number of runs it has: three of twelve images each.
    found = re.search(r"will write some ([\d.]+) MB", told)
    assert found is not None
    maps, pixels = 0.75 * 8 * (62 * 62 + 8), 3 * 64 * 64
    assert float(found[1]) == pytest.approx(3 * 12 * (maps + pixels) / 1e6, abs=0.1)
