"""What is predicted of a budget, against NumPy and a network that was really collected."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reactcnn_dash.analysis import CoMoments, explained_curve, unexplained
from reactcnn_dash.db import Layer, StoreReader
from reactcnn_dash.pages.slim.routes import routes
from reactcnn_dash.results.redundancy.moments import computed_moments
from reactcnn_dash.results.slimming.prediction import (
    PREDICTION,
    NoPrediction,
    computed_prediction,
    costs_of,
    least_of,
)
from reactcnn_dash.vocabulary import SLIM_SHARES
from tests import redundant, served, slimmed, stores

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


def rows(count: int, seed: int) -> np.ndarray:
    """Six filters: 0–2 on their own, 3 = 0 + 1, 4 = 2 with noise, 5 never varies."""
    rng = np.random.default_rng(seed)
    made = rng.gamma(2.0, 1.0, (count, 6))
    made[:, 3] = made[:, 0] + made[:, 1]
    made[:, 4] = made[:, 2] + 0.3 * rng.standard_normal(count)
    made[:, 5] = 1.5
    return made


def truth(kept: list[int]) -> float:
    """NumPy's unexplained share, fitted on one set of rows and judged on another."""
    first, second = rows(300, 1), rows(300, 2)
    missed, total = 0.0, 0.0
    for filter_ in range(6):
        values = second[:, filter_]
        total += ((values - values.mean()) ** 2).sum()
        if filter_ in kept or filter_ == 5:
            continue
        design, other = (np.column_stack([np.ones(300), one[:, kept]]) for one in (first, second))
        fit, *_ = np.linalg.lstsq(design, first[:, filter_], rcond=None)
        missed += ((values - other @ fit) ** 2).sum()
    return float(min(missed / total, 1.0))


@pytest.mark.parametrize("kept", [[0], [3, 4], [0, 1, 2], [0, 2, 3, 4], []])
def test_what_is_not_explained_is_numpys_share_on_other_rows(kept: list[int]) -> None:
    fitted, judged = CoMoments.of(rows(300, 1)), CoMoments.of(rows(300, 2))
    found = unexplained(fitted, judged, np.array(kept, np.intp))
    assert found == pytest.approx(truth(kept), abs=1e-5)


def test_the_curve_falls_to_nothing_once_all_sums_are_explained() -> None:
    fitted, judged = CoMoments.of(rows(300, 1)), CoMoments.of(rows(300, 2))
    curve = explained_curve(fitted, judged)
    assert sorted(curve.order.tolist()) == list(range(6))
    assert curve.residual[0] == 1.0
    for count in range(1, 7):
        expected = truth(sorted(curve.order[:count].tolist()))
        assert curve.residual[count] == pytest.approx(expected, abs=1e-5)
    assert (np.diff(curve.residual) <= 0).all()
    # Three of 0, 1, 3 and one of 2, 4 leave only the noise, or nothing.
    assert curve.residual[3] < 0.02
    assert curve.residual[4] < 1e-5
    assert 5 not in curve.order[:4]


def test_moments_are_those_of_all_positions_of_half_the_images_each(tmp_path: Path) -> None:
    made = redundant.planted()
    redundant.write(tmp_path / "a.db", made)
    url = str(tmp_path / "a.db")
    reader = StoreReader(url)
    for _ in range(2):
        # The second time from the store, as float32.
        found = computed_moments(url, reader, reader.run(1), lambda _done: None)
        assert found.images == redundant.IMAGES
        for layer, halves in enumerate(found.layers):
            values = made.maps(layer).transpose(0, 2, 3, 1)
            for half, state in enumerate(halves):
                flat = values[half::2].reshape(-1, stores.FILTERS[layer])
                assert state.n == len(flat)
                np.testing.assert_allclose(state.mean, flat.mean(axis=0), rtol=1e-5)
                centred = flat - flat.mean(axis=0)
                np.testing.assert_allclose(
                    state.comoment, centred.T @ centred, rtol=1e-4, atol=1e-4 * np.abs(flat).max()
                )


def test_without_maps_or_kernels_it_says_what_is_missing(tmp_path: Path) -> None:
    stores.make_store(tmp_path / "few.db", 12)
    with pytest.raises(NoPrediction, match="feature maps of 12 images are stored, and at least 30"):
        computed_prediction(str(tmp_path / "few.db"), 1)
    stores.make_store(tmp_path / "none.db", 40, maps=False)
    with pytest.raises(NoPrediction, match="maps of 0 images"):
        computed_prediction(str(tmp_path / "none.db"), 1)
    stores.make_store(tmp_path / "bare.db", 40)
    client = served.client(routes, served.context(tmp_path / "bare.db"))
    said = client.get("/slims/predicted?run=1").get_json()
    assert said["status"] == "refused"
    assert "the kernel of conv1 is not stored" in said["message"]


@pytest.mark.fitting
def test_widths_keep_to_the_budget_and_lose_what_explains_least(tmp_path: Path) -> None:
    store = slimmed.collect(tmp_path)
    found = computed_prediction(str(store), 1)
    reader = StoreReader(str(store))
    assert PREDICTION.find_recent(reader, reader.run(1)) == found
    assert (found.names, found.filters, found.images) == (("first", "second"), (8, 6), 96)

    def parameters(first: int, second: int) -> int:
        return 9 * 3 * first + first + 9 * first * second + second + 3 * second + 3

    def work(first: int, second: int) -> int:
        # Maps of 6 × 6 and of 4 × 4.
        return 9 * 3 * first * 36 + 9 * first * second * 16 + 3 * second

    for name, cost in (("parameters", parameters), ("multiply-adds", work)):
        before = (1, 1)
        for share, widths in zip(SLIM_SHARES, found.widths[name], strict=True):
            first, second = widths
            assert before[0] <= first <= 8
            assert before[1] <= second <= 6
            if share >= 15:
                assert cost(first, second) <= share / 100 * cost(8, 6) + 1e-6
            before = first, second
    # A copy of a filter goes for nothing: the first cut leaves the layer as well explained.
    moments = computed_moments(str(store), reader, reader.run(1), lambda _done: None)
    last = SLIM_SHARES.index(98)
    for layer, (stay, left) in enumerate(
        zip(found.widths["parameters"][last], found.residuals["parameters"][last], strict=True)
    ):
        curve = explained_curve(*moments.layers[layer])
        kept = np.sort(curve.order[:stay])
        assert left == pytest.approx(unexplained(*moments.layers[layer], kept), abs=2e-4)
    assert found.widths["parameters"][last][0] == 7
    assert found.residuals["parameters"][last][0] < 1e-3


def networks() -> dict[str, Any]:
    """Networks whose convolutions are not all that is cut with them."""
    import keras

    layers = keras.layers

    def conv(filters: int, name: str, **more: Any) -> Any:
        return layers.Conv2D(filters, 3, padding="same", name=name, **more)

    def normalised(x: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization()(x))

    def model(name: str, x: Any, flat: Any) -> Any:
        return keras.Model(image, layers.Dense(3, activation="softmax")(flat(x)), name=name)

    image = keras.Input((8, 8, 3))
    whole = layers.GlobalAveragePooling2D()
    x = layers.MaxPooling2D()(normalised(conv(8, "chain1")(image)))
    x = layers.Flatten()(normalised(conv(6, "chain2", use_bias=False)(x)))
    chain = model("chain", layers.Dense(10, activation="relu")(x), layers.Dropout(0.5))
    stem = conv(6, "stem", activation="relu")(image)
    inner = normalised(conv(9, "inner", use_bias=False)(stem))
    added = layers.Add()([stem, conv(6, "added")(inner)])
    residual = model("residual", layers.ReLU()(added), whole)
    x = layers.PReLU(shared_axes=(1, 2))(conv(7, "first")(image))
    x = normalised(layers.DepthwiseConv2D(3, name="depthwise")(x))
    x = layers.SeparableConv2D(5, 3, name="separable", activation="relu")(x)
    separable = model("separable", x, layers.Flatten())
    branches = [conv(size, f"branch{size}", activation="relu")(image) for size in (4, 7)]
    x = conv(5, "joined", activation="relu")(layers.Concatenate()(branches))
    branched = model("branched", layers.AveragePooling2D(2)(x), layers.Flatten())
    x = conv(5, "free", activation="relu")(image)
    x = layers.LayerNormalization()(conv(6, "held", activation="relu")(x))
    held = model("held", x, whole)
    return {one.name: one for one in (chain, residual, separable, branched, held)}


def work_of(model: Any) -> int:
    """Multiply-adds of convolutions and dense layers, from the shapes of their weights."""
    total = 0
    for layer in model.layers:
        kernels = [one for one in layer.weights if "kernel" in one.path.rsplit("/", 1)[-1]]
        places = int(np.prod(layer.output.shape[1:-1])) if kernels else 0
        total += places * sum(int(np.prod(one.shape)) for one in kernels)
    return total


@pytest.mark.fitting
@pytest.mark.parametrize("name", ["chain", "residual", "separable", "branched", "held"])
def test_a_budget_counts_what_keras_counts_of_the_network_that_is_cut(
    tmp_path: Path, name: str
) -> None:
    from collector.frameworks.keras.models import LoadedModel, weights_digest
    from collector.frameworks.keras.network import understand
    from collector.slim.channels import find_channels
    from collector.slim.rebuilding import rebuild
    from collector.slim.slimmed import Slimmed

    stores.make_store(tmp_path / "a.db", 4)
    reader = StoreReader(str(tmp_path / "a.db"))
    model = networks()[name]
    digest = weights_digest(model.weights)
    network = understand(LoadedModel(name, "here", model, digest, model.count_params(), None))
    offsets = np.cumsum([0, *(tap.filters for tap in network.taps)]).tolist()
    layers = [
        Layer(i, tap.name, tap.kind, tap.tap, tap.filters, tap.height, tap.width, offsets[i])
        for i, tap in enumerate(network.taps)
    ]
    run = dataclasses.replace(reader.run(1), options=dict(network.details))
    channels = find_channels(network.graph)
    least = least_of(run, layers)
    assert (name == "held") == (max(least) > 1)
    chance = np.random.default_rng(3)
    for _ in range(4):
        kept = np.ones(channels.count, bool)
        for tap, fewest in zip(network.taps, least, strict=True):
            numbers = channels.of(tap.tensor).numbers
            kept[numbers[chance.integers(fewest, tap.filters + 1) :]] = False
        mask = np.ones(offsets[-1] + 1, bool)
        for tap, layer in zip(network.taps, layers, strict=True):
            stay = int(kept[channels.of(tap.tensor).numbers].sum())
            mask[layer.offset + stay : layer.offset + layer.filters] = False
        slim = rebuild(model, Slimmed(network.graph, channels, kept), "slim")
        parameters = costs_of(reader, run, layers, work=False).total(mask)
        assert parameters == pytest.approx(slim.count_params())
        assert costs_of(reader, run, layers, work=True).total(mask) == pytest.approx(work_of(slim))
