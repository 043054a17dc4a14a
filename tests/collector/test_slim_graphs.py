"""Slimming of graphs: random ones, those that can only be cut in part, and what it costs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.frameworks.keras.flatten import flatten
from collector.images.arrays import ArrayImages
from collector.slim.bundles import find_bundles
from collector.slim.channels import find_channels
from collector.slim.consumers import find_consumers
from collector.slim.costs import costs_of
from collector.slim.executing import whole_output
from collector.slim.feeding import Feed
from collector.slim.planning import planned
from collector.slim.rebuilding import prove, rebuild
from collector.slim.request import SlimError
from collector.slim.slimmed import Slimmed
from tests.collector.planted import (
    copy_filter,
    cut_exactly,
    kill_filter,
    noise,
    outputs,
    slimming_of,
    with_seeded_weights,
)
from tests.collector.random_graphs import PARTS, random_model

if TYPE_CHECKING:
    from pathlib import Path

    from collector.slim.slimming import Slimming

pytestmark = pytest.mark.fitting


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=4),
    st.lists(st.integers(2, 6), min_size=5, max_size=5),
    st.integers(0, 1000),
)
@example(["concatenate", "residual"], [3, 3, 2], 175)
def test_random_graphs_lose_what_is_redundant_and_answer_as_before(
    parts: list[str], widths: list[int], seed: int
) -> None:
    model = random_model(parts, widths[: len(parts) + 1], seed)
    images = noise(64, (8, 8, 3))
    slim, cut, _ = cut_exactly(model, images)
    others = noise(16, (8, 8, 3), seed=8)
    wanted = outputs(model, others)
    most = 1e-4 * max(1.0, float(np.abs(wanted).max()))
    np.testing.assert_allclose(outputs(slim, others), wanted, atol=most)
    assert slim.count_params() == cut.parameters
    # A copy in the last stretch of the network goes whatever lies before it.
    if parts[-1] in ("chain", "depthwise"):
        assert slim.count_params() < model.count_params()


@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=4),
    st.integers(0, 1000),
    st.sampled_from([(0.7, None), (None, 0.6), (0.5, 0.5)]),
)
def test_budgets_are_kept_and_models_give_what_was_measured(
    parts: list[str], seed: int, budget: tuple[float | None, float | None]
) -> None:
    model = random_model(parts, [6] * (len(parts) + 1), seed)
    images = noise(48, (8, 8, 3))
    slimming = slimming_of(model, images, (budget[0] is not None, budget[1] is not None))
    narrowest = slimming.cut(slimming.choice.kept(len(slimming.choice.path.groups)))
    asked = zip(budget, (narrowest.parameters, narrowest.work), totals(slimming), strict=True)
    if any(share is not None and share * whole < least for share, least, whole in asked):
        with pytest.raises(SlimError, match="the narrowest"):
            slimming.steps_within(*budget)
        return
    steps = slimming.steps_within(*budget)
    cut = slimming.cut(slimming.chosen("refit", steps))
    slim = rebuild(model, cut.slimmed, "slim")
    assert slim.count_params() == cut.parameters
    if budget[0] is not None:
        assert slim.count_params() <= budget[0] * model.count_params()
    if budget[1] is not None:
        assert cut.work <= budget[1] * slimming.work.total(slimming.whole)
    graph = cut.slimmed.graph
    inputs = (images / np.float32(255)).astype(np.float32)
    expected = whole_output(graph, inputs, cut.slimmed.substitutes())
    np.testing.assert_allclose(outputs(slim, images), np.asarray(expected), atol=1e-4)


def totals(slimming: Slimming) -> tuple[float, float]:
    whole = slimming.whole
    return slimming.parameters.total(whole), slimming.work.total(whole)


def test_costs_are_those_that_keras_counts() -> None:
    model = random_model(["chain", "depthwise", "excite", "residual"], [6, 5, 4, 3, 2], 1)
    slimming = slimming_of(model, noise(32, (8, 8, 3)))
    assert slimming.uncounted == 0
    assert round(slimming.parameters.total(slimming.whole)) == model.count_params()
    # 3 × 3 convolutions at 8 × 8, the depthwise one, 1 × 1 ones, two dense layers of 4 and the end.
    places = 64
    convolutions = places * (9 * 3 * 6 + 9 * 6 * 5 + 9 * 5 + 5 * 4 + 9 * 4 * 2 + 2 * 4)
    assert slimming.work.total(slimming.whole) == convolutions + 4 * 3 + 3 * 4 + places * 4 * 3


def test_what_cannot_be_cut_stays_whole_and_says_why() -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", name="before_groups")(inputs)
    x = layers.Conv2D(6, 3, padding="same", groups=2, name="grouped")(x)
    x = layers.Conv2D(6, 3, padding="same", name="before_norm")(x)
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.Conv2D(6, 3, padding="same", name="before_own")(x)
    x = layers.Softmax(name="own")(x)
    x = layers.Conv2D(6, 3, padding="same", activation="elu", name="free")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = with_seeded_weights(keras.Model(inputs, layers.Dense(2, name="end")(x), name="mixed"))
    copy_filter(model.get_layer("free"), 1, 2)
    images = noise(40, (8, 8, 3))
    slim, _, slimming = cut_exactly(model, images)
    reasons = slimming.left_whole()
    assert set(reasons) == {"before_groups", "grouped", "before_norm", "before_own", "end"}
    assert "grouped convolution" in reasons["before_groups"]
    assert "norm (LayerNormalization)" in reasons["before_norm"]
    assert "own (Softmax)" in reasons["before_own"]
    assert reasons["end"] == "the model's output"
    assert slim.get_layer("free").filters == 5
    np.testing.assert_allclose(outputs(slim, images), outputs(model, images), atol=1e-4)


def test_a_network_of_which_nothing_can_be_cut_is_refused() -> None:
    import keras

    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 8), layers.Flatten()])
    with pytest.raises(SlimError, match=r"nothing in .* can be cut: the model's output"):
        slimming_of(model, noise(8, (8, 8, 3)))


def test_a_layer_of_dead_filters_keeps_one() -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="alive")(inputs)
    y = layers.Conv2D(5, 1, activation="relu", name="dead")(x)
    x = layers.GlobalAveragePooling2D()(layers.Concatenate()([x, y]))
    model = with_seeded_weights(keras.Model(inputs, layers.Dense(2, name="end")(x)))
    for target in range(5):
        kill_filter(model.get_layer("dead"), target)
    images = noise(40, (8, 8, 3))
    slim, _, _ = cut_exactly(model, images)
    assert slim.get_layer("dead").filters == 1
    np.testing.assert_allclose(outputs(slim, images), outputs(model, images), atol=1e-4)


def test_parameters_and_multiply_adds_lead_to_different_networks() -> None:
    import keras

    layers = keras.layers
    stack = [keras.Input((16, 16, 3))]
    stack += [layers.Conv2D(12, 3, padding="same", activation="relu", name="early")]
    stack += [layers.MaxPooling2D(8)]
    stack += [layers.Conv2D(24, 3, activation="relu", padding="same", name="late")]
    stack += [layers.Flatten(), layers.Dense(24, activation="relu", name="wide")]
    stack += [layers.Dense(3, name="end")]
    model = with_seeded_weights(keras.Sequential(stack))
    images = noise(60, (16, 16, 3))
    widths = {}
    for name, saving in (("parameters", (True, False)), ("work", (False, True))):
        slimming = slimming_of(model, images, saving)
        steps = slimming.steps_within(0.4 if saving[0] else None, 0.4 if saving[1] else None)
        kept = slimming.choice.kept(steps)
        widths[name] = [int(kept[one.made].sum()) for one in slimming.consumers]
    assert widths["work"][0] < widths["parameters"][0]
    assert sum(widths["work"][1:]) > sum(widths["parameters"][1:])


def test_refitted_filters_beat_those_of_other_methods_at_the_same_widths() -> None:
    model = random_model(["chain", "chain", "chain"], [12, 12, 12, 12], 5)
    images, others = noise(200, (8, 8, 3)), noise(50, (8, 8, 3), seed=8)
    slimming = slimming_of(model, images)
    steps = slimming.steps_within(0.4, None)
    wanted = outputs(model, others)
    errors, widths = {}, set()
    for method in ("refit", "clusters", "l1", "random"):
        cut = slimming.cut(slimming.chosen(method, steps))
        widths.add(tuple(int(cut.kept[one.made].sum()) for one in slimming.consumers))
        found = outputs(rebuild(model, cut.slimmed, method), others)
        errors[method] = float(np.abs(found - wanted).mean())
    assert len(widths) == 1
    assert min(errors, key=lambda one: errors[one]) == "refit"


def test_a_plan_cuts_what_is_added_together_only_where_all_of_it_is_confirmed(
    tmp_path: Path,
) -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    x = layers.Add()([x, layers.Conv2D(4, 3, padding="same", name="block")(x)])
    x = layers.GlobalAveragePooling2D()(x)
    model = with_seeded_weights(keras.Model(inputs, layers.Dense(2, name="end")(x)))
    slimming = slimming_of(model, noise(40, (8, 8, 3)))
    plan = tmp_path / "plan.json"

    def write(**filters: list[int]) -> None:
        found = [
            {
                "name": name,
                "explained": [{"filter": i, "verdict": "confirmed"} for i in one[1:]],
            }
            for name, one in filters.items()
        ]
        plan.write_text(json.dumps({"layers": found}))

    write(stem=[0, 1], block=[0, 1, 2])
    kept, left = planned(slimming, plan)
    assert [int(kept[one.made].sum()) for one in slimming.consumers] == [3, 3, 2]
    assert left == ["a filter of block stays: what it is added to in stem is not confirmed."]
    write(stem=[0, 1])
    with pytest.raises(SlimError, match="confirms no filter that could go"):
        planned(slimming, plan)
    write(stem=[3, 0, 1, 2], block=[2, 0, 1, 3])
    kept, _ = planned(slimming, plan)
    assert [int(kept[one.made].sum()) for one in slimming.consumers] == [2, 2, 2]


def test_images_are_taken_from_all_over_a_source_and_too_few_are_refused() -> None:
    model = random_model(["chain"], [4, 4], 1)
    images = noise(400, (8, 8, 3))
    labels = np.repeat(np.arange(8), 50)
    source = ArrayImages(images, labels, spec="here", description="here")
    network = slimming_of(model, images[:40]).network
    feed = Feed(source, network, "0-1", 80)
    values, seen = zip(*feed.labelled(), strict=True)
    assert np.bincount(np.concatenate(seen)).tolist() == [10] * 8
    assert len(np.concatenate(values)) == 80
    with pytest.raises(SlimError, match="here: 31 usable images; at least 32 are needed"):
        slimming_of(model, images[:31])


def test_values_that_are_not_finite_do_not_spoil_the_fit() -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, name="first")(inputs)
    # Infinite where the darkest images are.
    x = 1.0 / (x - x + layers.Cropping2D(1)(layers.Conv2D(5, 1, name="light")(inputs)))
    x = layers.Conv2D(4, 3, name="second")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = with_seeded_weights(keras.Model(inputs, layers.Dense(2, name="end")(x)))
    light = model.get_layer("light")
    light.set_weights([np.ones((1, 1, 3, 5)), np.zeros(5)])
    images = noise(80, (8, 8, 3))
    images[::10] = 0
    slimming = slimming_of(model, images)
    assert all(np.isfinite(one.matters).all() for one in slimming.measured)
    assert np.isfinite(slimming.choice.path.residual).all()
    cut = slimming.cut(slimming.choice.kept(len(slimming.choice.path.groups) // 2))
    slim = rebuild(model, cut.slimmed, "slim")
    assert all(np.isfinite(array).all() for array in slim.get_weights())


def test_channels_that_come_first() -> None:
    import keras

    layers = keras.layers
    first = "channels_first"
    model = keras.Sequential(
        [
            keras.Input((3, 8, 8)),
            layers.Conv2D(6, 3, padding="same", data_format=first, name="a"),
            layers.BatchNormalization(axis=1, name="a_bn"),
            layers.PReLU(shared_axes=(2, 3), name="bent"),
            layers.MaxPooling2D(2, data_format=first),
            layers.SeparableConv2D(5, 3, activation="elu", data_format=first, name="b"),
            layers.Flatten(data_format=first),
            layers.Dense(3, name="end"),
        ],
        name="first",
    )
    with_seeded_weights(model)
    copy_filter(model.get_layer("a"), 1, 4)
    norm = model.get_layer("a_bn")
    norm.set_weights([np.where(np.arange(6) == 4, one[1], one) for one in norm.get_weights()])
    slopes = model.get_layer("bent").get_weights()
    slopes[0][4] = slopes[0][1]
    model.get_layer("bent").set_weights(slopes)
    copy_filter(model.get_layer("b"), 0, 2)
    separable = model.get_layer("b").get_weights()
    separable[0][:, :, 4] = separable[0][:, :, 1]
    model.get_layer("b").set_weights(separable)
    images = noise(80, (8, 8, 3))
    slim, cut, slimming = cut_exactly(model, images)
    assert [slim.get_layer(name).filters for name in ("a", "b")] == [5, 4]
    assert slim.count_params() == cut.parameters
    value = next(iter(slimming.feed))
    prove(slim, cut.slimmed, value)
    graphs = [flatten(one, (3, 8, 8)) for one in (model, slim)]
    before, after = (np.asarray(graph.evaluate(value, [graph.output])[0]) for graph in graphs)
    np.testing.assert_allclose(after, before, atol=1e-4)


def test_activations_that_may_mix_filters_keep_them_whole() -> None:
    import keras

    layers = keras.layers

    def normed(x: Any) -> Any:
        return x / (1.0 + keras.ops.sqrt(keras.ops.sum(x * x, axis=-1, keepdims=True)))

    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, activation=normed, name="own")(inputs)
    x = layers.Conv2D(6, 1, activation=layers.PReLU(shared_axes=(1, 2)), name="bent")(x)
    x = layers.Conv2D(6, 1, name="before")(x)
    x = layers.Activation(normed, name="apart")(x)
    x = layers.DepthwiseConv2D(3, activation=normed, name="wise")(x)
    x = layers.Conv2D(6, 1, activation=layers.LeakyReLU(), name="free")(x)
    x = layers.Conv2D(6, 1, activation=layers.ELU(), name="last")(x)
    model = keras.Model(inputs, layers.Dense(2, name="end")(layers.GlobalMaxPooling2D()(x)))
    images = noise(64, (8, 8, 3))
    # Keras builds the PReLU when it is first called.
    outputs(model, images)
    with_seeded_weights(model)
    for name in ("own", "before", "free", "last"):
        copy_filter(model.get_layer(name), 1, 2)
    with keras.saving.custom_object_scope({"normed": normed}):
        slim, cut, slimming = cut_exactly(model, images)
    widths = {one.name: one.filters for one in slim.layers if hasattr(one, "filters")}
    assert widths == {"own": 6, "bent": 6, "before": 6, "free": 5, "last": 5}
    reasons = slimming.left_whole()
    assert reasons["own"] == "own ends in normed, which may mix filters"
    assert "activation with weights" in reasons["bent"]
    assert reasons["before"] == "apart (Activation) works by normed, which may mix filters"
    assert "normed" in reasons["wise"]
    assert slim.count_params() == cut.parameters
    np.testing.assert_allclose(outputs(slim, images), outputs(model, images), atol=1e-4)


def test_what_says_one_shape_for_all_its_calls_loses_the_same_channels_in_all() -> None:
    """A model without weights, a reshape, and a dropout that names its channels."""
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    bend = keras.Sequential([keras.Input((8, 8, 6)), layers.ReLU(), layers.MaxPooling2D(2)])
    flat = layers.Reshape((16, 6), name="flat")
    sides = []
    for name in ("left", "right"):
        x = layers.Conv2D(6, 3, padding="same", name=name)(inputs)
        sides.append(flat(bend(x)))
    x = layers.Concatenate()(sides)
    x = layers.Conv2D(5, 1, activation="elu", name="then")(layers.Reshape((4, 4, 12))(x))
    x = layers.Dropout(0.5, noise_shape=(None, 1, 1, 5), name="dropped")(x)
    model = keras.Model(inputs, layers.Dense(2, name="end")(layers.GlobalMaxPooling2D()(x)))
    with_seeded_weights(model)
    for name, source, target in (("left", 1, 2), ("right", 1, 2), ("left", 0, 4), ("then", 0, 1)):
        copy_filter(model.get_layer(name), source, target)
    images = noise(64, (8, 8, 3))
    slim, _, slimming = cut_exactly(model, images)
    # What repeats in one side alone stays in both.
    assert [slim.get_layer(name).filters for name in ("left", "right", "then")] == [5, 5, 5]
    assert slimming.left_whole()["then"] == "dropped says how many channels there are"
    np.testing.assert_allclose(outputs(slim, images), outputs(model, images), atol=1e-4)


def test_what_reads_along_another_axis_than_the_channels_leaves_them_whole() -> None:
    """Channels first, normalised over them, and a dense layer over the columns of the map."""
    import keras

    layers = keras.layers
    first = "channels_first"
    inputs = keras.Input((3, 8, 8))
    x = layers.Conv2D(5, 3, data_format=first, activation="elu", name="before")(inputs)
    x = layers.GroupNormalization(1, axis=1)(x)
    x = layers.Conv2D(6, 3, data_format=first, activation="elu", name="free")(x)
    x = layers.DepthwiseConv2D(2, data_format=first, name="wise")(x)
    read = layers.Conv2D(5, 1, data_format=first, name="read")(x)
    columns = layers.Dense(4, activation="elu", name="columns")(read)
    x = layers.Concatenate()([layers.Flatten(data_format=first)(one) for one in (x, columns)])
    model = with_seeded_weights(keras.Model(inputs, layers.Dense(2, name="end")(x)))
    for name, source, target in (("before", 1, 2), ("free", 1, 2), ("read", 1, 2)):
        copy_filter(model.get_layer(name), source, target)
    kernel, bias = model.get_layer("wise").get_weights()
    kernel[:, :, 2], bias[2] = kernel[:, :, 1], bias[1]
    model.get_layer("wise").set_weights([kernel, bias])
    slim, cut, slimming = cut_exactly(model, noise(64, (8, 8, 3)))
    assert slimming.uncounted == 2 * 5
    assert slim.count_params() == cut.parameters
    widths = {name: slim.get_layer(name).filters for name in ("before", "free", "read")}
    assert widths == {"before": 5, "free": 5, "read": 5}
    reasons = slimming.left_whole()
    assert reasons["read"] == "columns works on another axis than the channels"
    assert "GroupNormalization" in reasons["before"]
    # 6 × 6, 4 × 4 and 3 × 3 places, and a dense layer for each of 5 × 3 rows.
    convolutions = 36 * 27 * 5 + 16 * 45 * 6 + 9 * (4 * 6 + 6 * 5)
    dense = 5 * 3 * 3 * 4 + (9 * 6 + 5 * 3 * 4) * 2
    assert slimming.work.total(slimming.whole) == convolutions + dense
    prove(slim, cut.slimmed, next(iter(slimming.feed)))
    value = next(iter(slimming.feed))
    graphs = [flatten(one, (3, 8, 8)) for one in (model, slim)]
    before, after = (np.asarray(graph.evaluate(value, [graph.output])[0]) for graph in graphs)
    np.testing.assert_allclose(after, before, atol=1e-4)


def test_no_output_of_several_changes() -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, activation="elu", name="stem")(inputs)
    shown = layers.Conv2D(5, 3, activation="elu", name="shown")(x)
    x = layers.Conv2D(5, 3, activation="elu", name="then")(shown)
    x = layers.GlobalAveragePooling2D()(x)
    ends = [layers.Dense(3, name="end")(x), shown, layers.Dense(2, name="aside")(x)]
    model = with_seeded_weights(keras.Model(inputs, ends))
    for name in ("stem", "shown", "then", "aside"):
        copy_filter(model.get_layer(name), 0, 1)
    images, others = noise(64, (8, 8, 3)), noise(16, (8, 8, 3), seed=8)
    slimming = slimming_of(model, images, head="none")
    slim = rebuild(model, slimming.cut(slimming.lossless()).slimmed, "slim")
    widths = [slim.get_layer(name).filters for name in ("stem", "shown", "then")]
    assert widths == [4, 5, 4]
    assert slimming.left_whole()["shown"] == "the model's output"
    value = others.astype(np.float32) / np.float32(255)
    for found, wanted in zip(slim(value), model(value), strict=True):
        np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), atol=1e-4)


def test_lower_precision_loses_its_copies_too() -> None:
    import keras

    layers = keras.layers
    policy = "mixed_bfloat16"
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, padding="same", dtype=policy, name="a")(inputs)
    x = layers.ReLU(dtype=policy)(x)
    x = layers.SeparableConv2D(6, 3, activation="relu", dtype=policy, name="b")(x)
    x = layers.GlobalAveragePooling2D(dtype=policy)(x)
    model = keras.Model(inputs, layers.Dense(3, dtype="float32", name="end")(x))
    with_seeded_weights(model)
    copy_filter(model.get_layer("a"), 1, 3)
    depthwise, *rest = model.get_layer("b").get_weights()
    depthwise[:, :, 3] = depthwise[:, :, 1]
    model.get_layer("b").set_weights([depthwise, *rest])
    copy_filter(model.get_layer("b"), 0, 4)
    images = noise(64, (8, 8, 3))
    slim, cut, _ = cut_exactly(model, images)
    assert [slim.get_layer(name).filters for name in ("a", "b")] == [4, 5]
    assert slim.count_params() == cut.parameters
    found, wanted = outputs(slim, images), outputs(model, images)
    # Eight bits of a number are kept.
    np.testing.assert_allclose(found, wanted, atol=2**-7 * np.abs(wanted).max())


def test_a_normalisation_over_another_axis_keeps_its_size() -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, name="before")(inputs)
    x = layers.BatchNormalization(axis=1, name="rows")(x)
    x = layers.Conv2D(5, 3, activation="elu", name="after")(x)
    model = keras.Model(inputs, layers.Dense(2, name="end")(layers.GlobalMaxPooling2D()(x)))
    with_seeded_weights(model)
    copy_filter(model.get_layer("before"), 1, 2)
    copy_filter(model.get_layer("after"), 1, 2)
    images = noise(64, (8, 8, 3))
    slim, cut, slimming = cut_exactly(model, images)
    assert [slim.get_layer(name).filters for name in ("before", "after")] == [5, 4]
    assert slimming.left_whole()["before"] == "rows works on another axis than the channels"
    assert slim.count_params() == cut.parameters
    np.testing.assert_allclose(outputs(slim, images), outputs(model, images), atol=1e-4)


@pytest.mark.parametrize("kind", ["padded", "unpadded", "normalised", "transposed", "bare"])
def test_a_filter_that_always_says_the_same_goes_only_where_no_border_shows_it(kind: str) -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, padding="same", activation="elu", name="first")(inputs)
    then: Any = {
        "padded": layers.Conv2D(4, 3, padding="same", name="then"),
        "unpadded": layers.Conv2D(4, 3, name="then"),
        "normalised": layers.Conv2D(4, 3, use_bias=False, name="then"),
        "transposed": layers.Conv2DTranspose(4, 3, strides=2, name="then"),
        "bare": layers.Conv2D(4, 3, use_bias=False, activation="elu", name="then"),
    }[kind]
    x = then(x)
    if kind == "normalised":
        x = layers.BatchNormalization(center=False)(x)
    x = layers.Flatten()(layers.ELU()(x))
    model = with_seeded_weights(keras.Model(inputs, layers.Dense(2, name="end")(x)))
    kernel, bias = model.get_layer("first").get_weights()
    kernel[..., 2], bias[2] = 0.0, 0.7
    model.get_layer("first").set_weights([kernel, bias])
    images, others = noise(64, (8, 8, 3)), noise(16, (8, 8, 3), seed=8)
    slim, _, _ = cut_exactly(model, images)
    went = kind in ("unpadded", "normalised")
    assert slim.get_layer("first").filters == (4 if went else 5)
    np.testing.assert_allclose(outputs(slim, others), outputs(model, others), atol=1e-4)


def test_a_layer_made_of_others_stays_whole_with_all_that_it_receives() -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", name="before")(inputs)
    x = layers.Reshape((1, 8, 8, 6))(x)
    x = layers.TimeDistributed(layers.Conv2D(6, 3, padding="same"), name="wrapped")(x)
    x = layers.Reshape((8, 8, 6))(x)
    x = layers.Conv2D(6, 3, activation="elu", name="after")(x)
    model = keras.Model(inputs, layers.Dense(2, name="end")(layers.GlobalMaxPooling2D()(x)))
    with_seeded_weights(model)
    copy_filter(model.get_layer("after"), 1, 2)
    copy_filter(model.get_layer("before"), 1, 2)
    images = noise(64, (8, 8, 3))
    slim, _, slimming = cut_exactly(model, images)
    assert slim.get_layer("after").filters == 5
    assert slim.get_layer("before").filters == 6
    assert "wrapped" in slimming.left_whole()["before"]
    np.testing.assert_allclose(outputs(slim, images), outputs(model, images), atol=1e-4)


def test_an_architecture_with_gates_loses_any_channels_that_can_go() -> None:
    import keras

    model = keras.applications.MobileNetV3Small(weights=None, input_shape=(32, 32, 3), classes=4)
    graph = flatten(model, (32, 32, 3))
    channels = find_channels(graph)
    consumers = find_consumers(graph, channels)
    parameters, _ = costs_of(graph, channels)
    kept = np.ones(channels.count, bool)
    assert parameters.total(kept) == model.count_params()
    generator = np.random.default_rng(0)
    for bundle in find_bundles(consumers, channels):
        _, heads = np.unique(bundle.producers, return_index=True)
        stays = generator.random(len(bundle.channels)) < 0.5
        stays[heads] = True
        kept[bundle.channels] = stays
    # All layers but the last have channels that can go.
    whole = [one.layer.name for one in consumers if kept[one.made].all()]
    assert len(whole) <= 1 + sum(len(one.made) < 12 for one in consumers)
    slimmed = Slimmed(graph, channels, kept)
    slim = rebuild(model, slimmed, "slim")
    assert slim.count_params() == parameters.total(kept) < 0.5 * model.count_params()
    prove(slim, slimmed, generator.uniform(0, 255, (2, 32, 32, 3)).astype(np.float32))
