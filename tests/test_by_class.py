"""What was taken for what, by class, against NumPy; and each number against the search it opens."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import binomtest

from reactcnn_dash.db import Answers, RunWriter, StoreReader
from reactcnn_dash.pages import by_class
from reactcnn_dash.pages.live.search import parse_search
from tests import served, stores

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

IMAGES = 120


def write(
    path: Path,
    labels: NDArray[np.int64],
    answers: NDArray[np.float64],
    options: dict[str, Any] | None = None,
) -> int:
    """Write the store's one run with these labels and probabilities, and return its id."""
    n, classes = answers.shape
    made = dataclasses.replace(
        stores.truth(n), labels=labels, probabilities=answers.astype(np.float32)
    )
    names = tuple(f"class-{one}" for one in range(classes))
    new = dataclasses.replace(stores.new_run("run", n), class_names=names, options=options or {})
    with RunWriter.begin(str(path), new) as writer:
        stores.append(writer, made, 0, n, maps=False)
        writer.finish()
    return 1


def made(classes: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels, some of them none, and answers, half of them right and some not finite."""
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, IMAGES)
    answers = rng.random((IMAGES, classes))
    answers[np.arange(IMAGES)[::2], labels[::2]] += 1
    answers /= answers.sum(axis=1, keepdims=True)
    answers[[4, 9, 11, 50]] = np.nan
    labels[::10] = -1
    return labels, answers


def said(path: Path, run: int) -> dict[str, Any]:
    """What the route answers."""
    client = served.client(by_class.blueprint, served.context(path))
    found: dict[str, Any] = client.get(f"/by-class/of?run={run}").get_json()
    assert found.pop("status") == "done"
    return found


@pytest.mark.parametrize("classes", [2, 10, 20, 21, 1000])
def test_the_figures_are_numpys(tmp_path: Path, classes: int) -> None:
    path = tmp_path / "store.db"
    labels, answers = made(classes)
    found = said(path, write(path, labels, answers))
    finite = np.isfinite(answers).all(axis=1)
    given = np.where(finite, np.nan_to_num(answers).argmax(axis=1), classes)
    known = labels >= 0
    counts, *_ = np.histogram2d(
        labels[known], given[known], bins=(np.arange(classes + 1), np.arange(classes + 2))
    )
    assert found["unanswered"] == 4
    assert found["counts"] == (counts.astype(int).tolist() if classes <= 20 else [])
    wrong = counts[:, :classes] * ~np.eye(classes, dtype=bool)
    for label, answer, images in found["worst"]:
        assert images == wrong[label, answer]
    largest = np.sort(wrong[wrong > 0])[::-1][:30]
    assert [images for *_, images in found["worst"]] == largest.tolist()
    assert [one[0] for one in found["classes"]] == np.unique(labels[known]).tolist()
    for label, images, right, low, high in found["classes"]:
        assert images == (labels == label).sum()
        assert right == ((labels == label) & (given == label)).sum()
        interval = binomtest(int(right), int(images)).proportion_ci(0.95, "wilson")
        assert (low, high) == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_each_number_is_as_many_images_as_its_search_finds(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    labels, answers = made(4)
    run = write(path, labels, answers)
    found, reader = said(path, run), StoreReader(str(path))

    def total(text: str) -> int:
        return len(reader.matching(run, parse_search(text)[0]))

    for label, row in enumerate(found["counts"]):
        *by_answer, none = row
        assert none == total(f"label-{label}.unanswered")
        for answer, images in enumerate(by_answer):
            assert images == total(f"label-{label}.predicted-{answer}.answered")
    for label, images, right, *_ in found["classes"]:
        assert images == total(f"label-{label}")
        assert right == total(f"label-{label}.predicted-{label}.answered")


@pytest.mark.parametrize(
    ("options", "labels", "words"),
    [
        ({}, -1, "No image has a label"),
        ({}, 7, "No label of an image is among the classes"),
        *(
            ({"answers": kind.value}, 0, "names no class")
            for kind in (Answers.LABELS, Answers.VALUES, Answers.NONE)
        ),
    ],
)
def test_what_has_no_labels_or_no_classes_says_so_in_a_line(
    tmp_path: Path, options: dict[str, Any], labels: int, words: str
) -> None:
    path = tmp_path / "store.db"
    run = write(path, np.full(6, labels), np.full((6, 3), 1 / 3), options)
    found = said(path, run)
    assert words in found["why"]
    assert "\n" not in found["why"]
    assert [found[name] for name in ("counts", "worst", "classes")] == [[], [], []]


def test_a_run_that_is_not_there_is_refused(tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 4)
    client = served.client(by_class.blueprint, served.context(tmp_path / "store.db"))
    for query in ("run=9", "run=x", ""):
        assert client.get(f"/by-class/of?{query}").get_json()["status"] == "refused"
