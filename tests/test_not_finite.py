"""Runs of trainings that broke down: named, and what is left of them compared."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reactcnn_dash.analysis import CrossMoments, linear_cka
from reactcnn_dash.cli import main
from reactcnn_dash.db import StoreReader
from reactcnn_dash.errors import INPUT
from reactcnn_dash.pages.compare.payload import comparison_payload
from reactcnn_dash.results.comparison.comparing import NotComparable, compare
from reactcnn_dash.results.comparison.stored import Pair, stored_comparison
from tests import stores
from tests.compared import other_checkpoint, write

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 90
LAYERS = {one.name: slice(one.offset, one.offset + one.filters) for one in stores.layers()}


def broken(made: stores.Truth, value: float, *layers: str, images: slice) -> stores.Truth:
    """A truth with a value that is not finite in one filter of some layers."""
    gap = made.gap.copy()
    for name in layers:
        gap[images, LAYERS[name].start + 2] = value
    return dataclasses.replace(made, gap=gap)


def both(path: Path, a: stores.Truth, b: stores.Truth) -> StoreReader:
    write(path, "good", a)
    write(path, "bad", b)
    return StoreReader(path)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.mark.parametrize(
    ("value", "lost", "last"),
    [
        (np.nan, ("conv2", "conv3"), IMAGES),
        (np.inf, ("conv3",), IMAGES),
        (-np.inf, ("conv1", "conv3"), IMAGES),
        # One image does not make a correlation.
        (np.nan, ("conv2",), IMAGES - 1),
    ],
)
def test_layers_that_are_not_finite_are_named_and_the_others_compared(
    store: Path, value: float, lost: tuple[str, ...], last: int
) -> None:
    good = stores.truth(IMAGES)
    bad = broken(other_checkpoint(good, 1), value, *lost, images=slice(last))
    reader = both(store, good, bad)
    found = compare(reader, "good", "bad")
    assert [(one.run, one.layers) for one in found.not_finite] == [(2, lost)]
    assert [layer.a.name for layer in found.layers] == [n for n in LAYERS if n not in lost]
    for layer in found.layers:
        part = LAYERS[layer.a.name]
        truth = linear_cka(CrossMoments.of(good.gap[:, part], bad.gap[:, part]))
        assert layer.result.cka == pytest.approx(truth)
        assert layer.result.n == IMAGES
    assert np.isfinite(np.diagonal(found.cka)).all()
    assert found.cka_images == IMAGES


def test_the_run_is_named_whichever_it_is(store: Path) -> None:
    good = stores.truth(IMAGES)
    everywhere = slice(None)
    bad = broken(good, np.nan, "conv2", images=everywhere)
    reader = both(store, good, bad)
    for a, b in (("good", "bad"), ("bad", "good")):
        (named,) = compare(reader, a, b).not_finite
        assert (named.run, named.layers) == (2, ("conv2",))
    write(store, "worse", broken(good, np.nan, "conv3", images=everywhere))
    found = compare(reader, "bad", "worse").not_finite
    assert [(one.run, one.layers) for one in found] == [(2, ("conv2",)), (3, ("conv3",))]
    write(store, "even", broken(good, np.nan, "conv3", images=slice(0, None, 2)))
    write(store, "odd", broken(good, np.nan, "conv3", images=slice(1, None, 2)))
    found = compare(reader, "even", "odd").not_finite
    assert [(one.run, one.layers) for one in found] == [(4, ("conv3",)), (5, ("conv3",))]


def test_a_few_values_that_are_not_finite_cost_their_images_alone(store: Path) -> None:
    good = stores.truth(IMAGES)
    reader = both(store, good, broken(good, np.nan, "conv2", images=slice(IMAGES - 2)))
    found = compare(reader, "good", "bad")
    assert found.not_finite == ()
    assert [layer.result.n for layer in found.layers] == [IMAGES, 2, IMAGES]


def test_a_run_without_any_finite_layer_is_refused_in_a_line(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = stores.truth(IMAGES)
    bad = broken(good, np.nan, *LAYERS, images=slice(None))
    reader = both(store, good, bad)
    with pytest.raises(NotComparable, match=r"run 2 \(bad\): conv1, conv2, conv3"):
        compare(reader, "good", "bad")
    assert main(["compare", "good", "bad", "--store", str(store)]) == INPUT
    said = capsys.readouterr().err
    assert "NaN or infinite in run 2 (bad)" in said
    assert said.count("\n") == 1


def test_it_is_said_by_the_command_the_stored_comparison_and_the_page(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = stores.truth(IMAGES)
    reader = both(store, good, broken(good, np.nan, "conv2", "conv3", images=slice(None)))
    words = ["compare", "good", "bad", "--store", str(store)]
    # Once computed and once from the store.
    for _ in range(2):
        assert main(words) == 0
        said = capsys.readouterr().out
        assert "not finite           conv2, conv3 in run 2 (bad)\n" in said
        assert "conv1  " in said
    assert main([*words, "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["not_finite"] == [{"run": 2, "layers": ["conv2", "conv3"]}]
    assert [layer["name"] for layer in read["layers"]] == ["conv1"]
    kept = stored_comparison(reader, Pair(1, 2, "leiden-cpm", None))
    assert kept is not None
    payload = comparison_payload(kept.found)
    assert payload["notFinite"] == ["conv2, conv3 in run 2 (bad)"]
