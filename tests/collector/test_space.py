"""What a run will write, said before it begins where that is a lot."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from collector.cli import main
from collector.frameworks.keras.models import LoadedModel
from collector.frameworks.keras.network import Network, understand
from collector.space import space_notice
from reactcnn_dash.db import Place, StoreReader

if TYPE_CHECKING:
    from pathlib import Path

    from reactcnn_dash.db import NewRun


class Run:
    def __init__(self, feature_maps: str) -> None:
        self.feature_maps = feature_maps


def said(network: Network, maps: str, images: int, store: str = "a.db") -> str | None:
    run: NewRun | Any = Run(maps)
    return space_notice(network, run, images, store)


@pytest.fixture(scope="module")
def large() -> Network:
    """4 MB of feature maps an image."""
    layers = keras.layers
    inputs = keras.Input((256, 256, 3))
    x = layers.Conv2D(64, 3, padding="same")(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
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
    assert Place.of("postgresql://somewhere/db").path is None
    assert said(large, "all", 100, "postgresql://somewhere/db") is None
    assert "free" not in (said(large, "all", 10_000, "postgresql://somewhere/db") or "free")


def test_what_is_said_is_about_what_is_written(
    tmp_path: Path, large: Network, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    large.loaded.model.save(tmp_path / "m.keras")
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (12, 256, 256, 3), np.uint8)
    np.savez(tmp_path / "a.npz", images=images)
    free(monkeypatch, 100e6)
    store = tmp_path / "a.db"
    words = ["--model", str(tmp_path / "m.keras"), "--images", str(tmp_path / "a.npz")]
    words += ["--feature-maps", "all", "--batch-size", "4", "--no-scores", "--store", str(store)]
    assert main(words) == 0
    found = re.search(r"will write some (\d+) MB", capsys.readouterr().err)
    assert found is not None
    size = sum(path.stat().st_size for path in tmp_path.glob("a.db*"))
    # Noise is what compresses least.
    assert 0.6 < int(found[1]) * 1e6 / size < 1.4
    assert StoreReader(str(store)).run(1).stored == 12
    assert main([*words, "--limit", "2", "--feature-maps", "none"]) == 0
    assert "will write" not in capsys.readouterr().err
