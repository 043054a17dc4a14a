"""Where two runs part: planted faults in real stores, through the command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reactcnn_dash.cli import main
from reactcnn_dash.db import StoreReader
from reactcnn_dash.results.deviations.fault import locate
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 400
SECOND, THIRD = stores.FILTERS[0], sum(stores.FILTERS[:2])


def broken(truth: stores.Truth) -> stores.Truth:
    """Filter 5 of the second layer goes its own way, and drags two of the third layer along."""
    rng = np.random.default_rng(9)
    truth.gap[:, SECOND + 5] = rng.permutation(truth.gap[:, SECOND + 5])
    truth.gap[:, THIRD + 2] += truth.gap[:, SECOND + 5]
    truth.gap[:, THIRD + 7] *= 3
    return truth


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fault") / "store.db"
    stores.make_store(path, IMAGES, name="good", maps=False)
    stores.make_store(path, IMAGES, name="same", maps=False)
    made = broken(stores.truth(IMAGES))
    stores.make_store(path, IMAGES, name="broken", made=made, maps=False)
    others = broken(stores.truth(IMAGES, seed=1))
    stores.make_store(path, IMAGES, name="elsewhere", made=others, maps=False)
    healthy = stores.truth(IMAGES, seed=2)
    stores.make_store(path, IMAGES, name="healthy", made=healthy, maps=False)
    stores.make_store(path, 20, name="few", made=stores.truth(20, seed=3), maps=False)
    # The same images as the good run's first ones, but not enough of them.
    stores.make_store(path, 15, name="fifteen", made=stores.truth(IMAGES), maps=False)
    return path


@pytest.mark.parametrize(("suspect", "same"), [("broken", True), ("elsewhere", False)])
def test_the_first_broken_layer_and_its_filter_are_named(
    store: Path, suspect: str, same: bool
) -> None:
    found = locate(StoreReader(str(store)), "good", suspect)
    assert found.same_images is same
    assert found.first is not None
    assert found.first.name == "conv2"
    assert found.found.filters(1)[0][0] == 5
    # The third layer changed as well, and is not named first for it.
    assert found.found.scores[2].max() > found.found.limits[2] or not same


@pytest.mark.parametrize("suspect", ["same", "healthy"])
def test_nothing_is_named_where_nothing_broke(store: Path, suspect: str) -> None:
    assert locate(StoreReader(str(store)), "good", suspect).first is None


def test_the_command_says_it_in_words_and_as_json(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fault", "good", "broken", "--store", str(store)]) == 0
    said = capsys.readouterr().out
    assert "400 images that both runs saw" in said
    assert "They part at conv2" in said
    assert "filter    5" in said.splitlines()[5]
    assert "Behind it also changed: conv3." in said
    assert main(["fault", "good", "same", "--store", str(store)]) == 0
    assert capsys.readouterr().out.endswith("No layer differs.\n")
    assert main(["fault", "good", "elsewhere", "--json", "--store", str(store)]) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["first"], read["same_images"]) == ("conv2", False)
    assert read["layers"][0]["filters"][0]["filter"] == 5
    assert read["layers"][0]["changed"] is True


def test_too_few_images_and_unknown_runs_are_one_line(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, code, expected in [
        (["few", "elsewhere"], 3, "at least 64 images"),
        (["fifteen", "good"], 3, "fewer than 16 images in common"),
        (["good", "nobody"], 4, "nobody"),
    ]:
        assert main(["fault", *words, "--store", str(store)]) == code
        said = capsys.readouterr().err
        assert expected in said
        assert said.count("\n") == 1
