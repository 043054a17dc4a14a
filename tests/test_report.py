"""Which images a report shows, what was taken for what, and what its command refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from reactcnn_dash.cli import main
from reactcnn_dash.db import Predictions, StoreReader, Tally
from reactcnn_dash.pages.report.facts import chosen_images, typical_images
from reactcnn_dash.pages.report.markup import LARGEST, picture
from reactcnn_dash.pages.report.of_run import grid_of
from reactcnn_dash.results.confusion import Confusion, confusion
from reactcnn_dash.results.deviations.scores import RunScores
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path


def answers(labels: list[int], predictions: list[int], confidence: list[float]) -> Predictions:
    n = len(labels)
    return Predictions(
        np.arange(n), ("",) * n, np.array(labels), np.array(predictions), np.array(confidence)
    )


def tally(labels: list[int], predictions: list[int]) -> Tally:
    """One image of each kind; -1 as a prediction is no answer."""
    given = np.array(predictions)
    return Tally(np.array(labels), given, given >= 0, np.ones(len(labels), np.int64))


def test_each_image_is_chosen_once_mistakes_by_confidence_and_odd_ones_by_score() -> None:
    said = answers([0, 0, 0, 0, 1, 1], [1, 1, 0, 0, 1, -1], [0.6, 0.9, 0.8, 0.7, 0.5, np.nan])
    scores = RunScores(6, np.array([9, 0, 5, 1, 2, 0], np.float32), np.linspace(0, 4, 100))
    found = [(one.ordinal, one.kind) for one in chosen_images(said, scores, 0.01)]
    assert found == [
        *((1, "wrong"), (0, "wrong"), (5, "wrong")),
        (2, "odd"),
        *((3, "typical"), (4, "typical")),
    ]


def test_typical_images_come_of_every_class_before_one_comes_twice() -> None:
    said = answers([-1] * 6, [0, 0, 0, 0, 1, 2], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert typical_images(said, None, 4) == [0, 4, 5, 1]


def test_images_without_a_label_or_an_answer_are_told_apart(tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 4)
    run = StoreReader(str(tmp_path / "store.db")).run(1)
    found = confusion(run, tally([0, 2, -1, 2, 7], [1, 2, 0, -1, 0]))
    assert found is not None
    assert found.counts.tolist() == [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]]
    assert confusion(run, tally([-1], [0])) is None


def test_the_worst_confusions_are_those_that_there_are() -> None:
    counts = np.array([[5, 3, 0, 1], [0, 9, 0, 0], [4, 0, 2, 0]])
    assert Confusion(("a", "b", "c"), counts).worst(9) == [(2, 0, 4), (0, 1, 3)]
    assert Confusion(("a", "b", "c"), counts).worst(1) == [(2, 0, 4)]


def test_a_large_picture_is_made_smaller() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (512, 384, 3), dtype=np.uint8)
    assert len(picture(noise, "noise")) < 4 * LARGEST**2
    for shape in ((9, 9), (9, 9, 1), (9, 9, 4), (200, 200, 4), (9, 9, 2)):
        assert "data:image/" in picture(noise[: shape[0], : shape[1], :1].repeat(4, 2), "x")
        assert "data:image/" in picture(np.zeros(shape, np.uint8), "x")


@pytest.mark.parametrize("images", [1, 4, 24])
def test_few_images_give_a_report_that_says_so(images: int, tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", images)
    path = tmp_path / "run.html"
    command = ["report", "1", "--store", str(tmp_path / "store.db"), "--output", str(path)]
    assert main(command) == 0
    assert "Nothing is called odd" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("images", [70, 130])
def test_scores_of_too_few_images_to_call_one_odd_are_shown(images: int, tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", images)
    path = tmp_path / "run.html"
    command = ["report", "1", "--store", str(tmp_path / "store.db"), "--output", str(path)]
    assert main(command) == 0
    html = path.read_text(encoding="utf-8")
    assert f"{images} images are too few to tell what 1 % of usual ones do" in html
    drawn = html.partition("how the scores are spread")[2].partition("</svg>")[0]
    assert "<rect" in drawn
    # There is no threshold to draw.
    assert "<line" not in drawn


def test_a_file_that_is_there_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stores.make_store(tmp_path / "store.db", 4, name="a/b: c")
    command = ["report", "1", "--store", "store.db"]
    assert main(command) == 0
    assert capsys.readouterr().out == "reactcnn-1-a-b-c.html\n"
    assert main(command) == 5
    assert "--force" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert main([*command, "--output", "nowhere/run.html"]) == 5
    assert "no folder nowhere" in capsys.readouterr().err
    assert main(["report", "9", "--store", "store.db", "--output", "x.html"]) == 4
    assert sorted(one.name for one in tmp_path.iterdir()) == ["reactcnn-1-a-b-c.html", "store.db"]


def test_a_grid_is_deep_where_a_value_is_large_and_brown_where_it_is_negative() -> None:
    both, one = stores.layers()[:2]
    codes = np.zeros(14, np.uint8)
    codes[:6] = (0, 64, 127, 190, 254, 255)
    codes[6:] = (0, 127, 254, 255, 0, 0, 0, 0)
    drawn = grid_of(codes, [both, one], np.array([-1, 0], np.float32))
    assert drawn.shape == (1, 18, 4)
    signed, plain = drawn[0, :6], drawn[0, 9:17]
    assert (signed[:2, 0] > signed[:2, 2]).all()
    assert (signed[2:5, 0] < signed[2:5, 2]).all()
    assert signed[:5, 3].tolist() == [255, 132, 12, 132, 255]
    assert plain[:3, 3].tolist() == [12, 133, 255]
    # What is not finite is opaque and amber in both; beside the filters there is nothing.
    assert signed[5].tolist() == plain[3].tolist() == [240, 160, 0, 255]
    assert (drawn[0, [6, 7, 8, 17], 3] == 0).all()
