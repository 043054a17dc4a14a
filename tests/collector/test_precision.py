"""bfloat16 against NumPy and plain Keras, how it is chosen, and what a run says of it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from collector import ReactCNNCallback, joining, session
from collector.arguments import parse, request_of
from collector.cli import main
from collector.errors import ModelError
from collector.frameworks.keras import onednn
from collector.frameworks.keras.capture import Capture
from collector.frameworks.precision import decide, processor_flags, proven_in, units
from collector.frameworks.protocol import AUTO
from collector.opening import images_for
from collector.signals import StopSignals
from reactcnn_dash.db import BFLOAT16, FLOAT32, StoreReader
from reactcnn_dash.errors import INPUT
from reactcnn_dash.results.precision import rounding_in
from tests.collector.models_of import SIDE, classifier, network_of, photos, proven
from tests.collector.onnx_graphs import Builder, saved

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.fitting

L = keras.layers
ABLE = frozenset({"avx512f", "avx512_bf16"})


def brief(values: Any) -> NDArray[np.float64]:
    """Values rounded to bfloat16, by ml_dtypes."""
    rounded: NDArray[np.float64] = np.asarray(values, np.float32).astype(ml_dtypes.bfloat16).astype(
        np.float64
    )  # fmt: skip
    return rounded


def by_definition(images: Any, kernel: Any, bias: Any, stride: int) -> NDArray[np.float64]:
    """Cross-correlation of what is rounded, without padding, float64."""
    height, width = kernel.shape[:2]
    images, kernel = brief(images), brief(kernel)
    windows = np.lib.stride_tricks.sliding_window_view(images, (height, width), (1, 2))
    result: NDArray[np.float64] = np.einsum("byxchw,hwcf->byxf", windows, kernel, optimize=True)
    return result[:, ::stride, ::stride] + brief(bias)


@pytest.fixture(params=["fused", "emulated"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "emulated":
        # As on a processor that cannot, or with a TensorFlow that has no such operation.
        monkeypatch.setattr(onednn, "_is_at_hand", lambda precision=FLOAT32: False)  # noqa: ARG005


@pytest.mark.parametrize("precision", [FLOAT32, BFLOAT16])
def test_the_operation_that_is_hoped_for_is_at_hand_where_tensorflow_has_it(precision: str) -> None:
    """What it is told changes with TensorFlow's versions; in float32 it must not be lost unseen."""
    try:
        tf.Graph().op_def_for_type(onednn._OPERATION)
    except (LookupError, RuntimeError):
        assert not onednn._is_at_hand(precision)
        return
    elsewhere = bool(tf.config.list_physical_devices("GPU"))
    able = precision == FLOAT32 or "avx512_bf16" in processor_flags()
    assert onednn._is_at_hand(precision) or elsewhere or not able


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize(("stride", "rectified"), [(1, False), (2, True)])
def test_what_is_rounded_is_multiplied_and_summed_as_numpy_does(
    *, constant: bool, stride: int, rectified: bool
) -> None:
    rng = np.random.default_rng(1)
    images = rng.normal(size=(2, 9, 8, 40)).astype(np.float32)
    kernel = rng.normal(size=(3, 2, 40, 5)).astype(np.float32)
    bias = rng.normal(size=5).astype(np.float32)

    def carried_out(values: Any) -> Any:
        weights = (kernel, bias) if constant else (tf.identity(kernel), tf.identity(bias))
        return onednn.convolution(
            *weights,
            strides=(stride, stride),
            padding="VALID",
            dilations=(1, 1),
            rectified=rectified,
            precision=BFLOAT16,
        )(values)

    found = tf.function(carried_out, autograph=False)(tf.constant(images)).numpy()
    expected = by_definition(images, kernel, bias, stride)
    expected = np.maximum(expected, 0) if rectified else expected
    assert found.dtype == np.float32
    # The result is rounded too, by half of its last digit.
    np.testing.assert_allclose(found, expected, rtol=2**-8, atol=1e-4)
    # It is bfloat16 in truth: nothing is left behind its digits.
    np.testing.assert_array_equal(found, brief(found))


@pytest.mark.usefixtures("_way")
def test_sums_are_of_float32() -> None:
    """In bfloat16 a sum of ones would stay at 256."""
    ones = np.ones((1, 1, 1, 2048), np.float32)
    kernel = np.ones((1, 1, 2048, 1), np.float32)

    def carried_out(values: Any) -> Any:
        return onednn.convolution(
            kernel,
            np.zeros(1, np.float32),
            strides=(1, 1),
            padding="SAME",
            dilations=(1, 1),
            rectified=False,
            precision=BFLOAT16,
        )(values)

    found = tf.function(carried_out, autograph=False)(tf.constant(ones))
    assert found.numpy().item() == 2048


def network(*, dense: bool = True) -> Any:
    """Convolutions with what may follow them, a branch, pooling and dense layers."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(6, 3, padding="same", activation="relu", name="first")(
        L.Rescaling(1 / 255)(inputs)
    )
    x = L.Conv2D(8, 3, padding="same", use_bias=False, name="normalised")(x)
    x = L.MaxPooling2D(2)(L.ReLU()(L.BatchNormalization()(x)))
    y = L.Conv2D(8, 3, padding="same", activation="gelu", name="branch")(x)
    x = L.Add()([x, y])
    x = L.DepthwiseConv2D(3, name="deep")(x)
    if dense:
        x = L.Dense(10, activation="tanh", name="inner")(x)
        x = L.Flatten()(x)
        x = L.Dense(9, activation="relu", name="hidden")(x)
        return keras.Model(inputs, L.Dense(3, activation="softmax", name="last")(x))
    return keras.Model(inputs, classifier(x))


def plain(model: Any, pixels: NDArray[np.uint8]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
    """Probabilities and the GAP of each tap by plain Keras, in float32."""
    taps = [model.get_layer(tap.tap).output for tap in network_of(model).taps]
    said, *maps = keras.Model(model.inputs, [model.output, *taps])(
        pixels.astype(np.float32), training=False
    )
    return np.asarray(said), [np.asarray(one).mean((1, 2)) for one in maps]


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("dense", [True, False])
def test_a_network_is_the_model_but_for_its_digits(*, frozen: bool, dense: bool) -> None:
    model, pixels = network(dense=dense), photos(6)
    watched = network_of(model)
    capture = Capture(watched, frozen=frozen, batch_size=2, precision=BFLOAT16)
    found = capture(pixels)
    said, gaps = plain(model, pixels)
    np.testing.assert_allclose(found.probabilities, said, atol=0.02)
    start = 0
    off = {}
    for tap, gap in zip(watched.taps, gaps, strict=True):
        part = found.gap[:, start : start + tap.filters]
        start += tap.filters
        off[tap.name] = float(np.abs(part - gap).max() / np.abs(gap).max())
    # The layer of the image itself keeps its digits; what comes after it does not, or it would not
    # be bfloat16, and is near all the same.
    assert off["first"] < 1e-6
    assert 1e-5 < off["normalised"] < 0.02
    assert 1e-5 < off["branch"] < 0.02


def test_a_training_is_followed_with_the_weights_of_each_time() -> None:
    model, pixels = network(), photos()
    capture = Capture(network_of(model), frozen=False, precision=BFLOAT16)
    before = capture(pixels).gap.copy()
    layer = model.get_layer("normalised")
    layer.kernel.assign(2 * layer.kernel)
    after = capture(pixels).gap
    expected = np.concatenate(plain(model, pixels)[1], 1)
    assert not np.allclose(before[:, 6:], expected[:, 6:], atol=0.02 * np.abs(expected).max())
    np.testing.assert_allclose(after, expected, atol=0.02 * np.abs(expected).max())


def test_what_a_layer_of_bfloat16_hands_on_is_not_rounded_twice() -> None:
    """Pooling and the next convolution take it as it was: no cast to and fro stands between."""
    pooled = onednn.narrow_before

    def carried_out(values: Any) -> Any:
        wide = tf.identity(tf.cast(tf.cast(values, tf.bfloat16), tf.float32))
        assert pooled(values) is None
        assert (pooled(wide) is not None) == onednn._is_at_hand(BFLOAT16)
        return onednn.narrow(wide)

    found = tf.function(carried_out, autograph=False)(tf.constant([1.0, 2.0]))
    assert found.dtype == tf.bfloat16


@pytest.mark.parametrize(
    ("flags", "rates", "precision", "words"),
    [
        (frozenset(), (10.0, 90.0), FLOAT32, "neither AMX-BF16 nor AVX512-BF16"),
        (frozenset({"avx512f", "bf16"}), None, FLOAT32, "neither"),
        (ABLE, (100.0, 250.0), BFLOAT16, "250 images a second in bfloat16, 100 in float32"),
        (ABLE, (100.0, 100.0), FLOAT32, "100 images a second in bfloat16"),
        (ABLE, (100.0, 103.0), FLOAT32, "103 images a second in bfloat16"),
        (ABLE, (100.0, 40.0), FLOAT32, "with AVX512-BF16"),
        (frozenset({"amx_bf16", "avx512_bf16"}), (1.0, 4.0), BFLOAT16, "AMX-BF16 and AVX512-BF16"),
    ],
)
def test_the_choice_goes_by_the_processor_and_by_the_trial(
    flags: frozenset[str], rates: tuple[float, float] | None, precision: str, words: str
) -> None:
    choice = decide(flags, rates, 64)
    assert choice.precision == precision
    assert words in choice.why
    assert "\n" not in choice.why


def test_flags_are_those_of_linux_and_none_elsewhere(tmp_path: Path) -> None:
    place = tmp_path / "cpuinfo"
    place.write_text("processor\t: 0\nflags\t\t: fpu amx_bf16 avx512_bf16\nbugs\t\t: none\n")
    assert units(processor_flags(place)) == ("AMX-BF16", "AVX512-BF16")
    place.write_text("processor\t: 0\nFeatures\t: fp asimd bf16\n")
    assert processor_flags(place) == frozenset()
    assert processor_flags(tmp_path / "missing") == frozenset()


def chosen(asked: str, model: Any, flags: frozenset[str], count: int = 24) -> Any:
    rng = np.random.default_rng(2)
    pixels = (rng.integers(0, 256, (count, SIDE, SIDE, 3)) * rng.random((count, 1, 1, 3))).astype(
        np.uint8
    )
    watched = network_of(model)

    def make(precision: str) -> Any:
        return proven(model, pixels, precision=precision)

    return proven_in(asked, watched, make, pixels, 2, flags=flags)


def test_what_it_costs_is_measured_against_float32() -> None:
    model = network()
    found = chosen(BFLOAT16, model, ABLE)
    assert (found.precision, found.notices) == (BFLOAT16, ())
    rounding = found.rounding
    assert rounding.images == 24
    rng = np.random.default_rng(2)
    pixels = (rng.integers(0, 256, (24, SIDE, SIDE, 3)) * rng.random((24, 1, 1, 3))).astype(
        np.uint8
    )
    single, brief_ = (
        Capture(network_of(model), batch_size=2, precision=one)(pixels)
        for one in (FLOAT32, BFLOAT16)
    )
    off = np.sqrt(((single.gap - brief_.gap) ** 2).mean(0))
    for tap, part in zip(network_of(model).taps, np.split(off, [6, 14, 22]), strict=True):
        own = rounding.layers[tap.name]
        assert (own[1] > 0) == (part.max() > 0)
    deviation = single.gap.std(0)
    layer = slice(6, 14)
    typical = np.sqrt((deviation[layer] ** 2).mean())
    expected = off[layer] / np.maximum(deviation[layer], 0.01 * typical)
    np.testing.assert_allclose(
        rounding.layers["normalised"], [np.median(expected), expected.max()], rtol=0.01
    )
    changed = single.probabilities.argmax(1) != brief_.probabilities.argmax(1)
    assert rounding.changed == changed.sum()


def test_few_images_measure_nothing() -> None:
    assert chosen(BFLOAT16, network(), ABLE, count=4).rounding is None


def test_a_processor_that_cannot_is_told_and_left_alone_by_auto() -> None:
    forced = chosen(BFLOAT16, network(), frozenset())
    assert forced.precision == BFLOAT16
    (notice,) = forced.notices
    assert "neither AMX-BF16 nor AVX512-BF16" in notice
    left = chosen(AUTO, network(), frozenset())
    assert (left.precision, left.rounding) == (FLOAT32, None)
    (notice,) = left.notices
    assert notice.startswith("precision float32: the processor has neither")


def test_auto_says_what_it_chose_and_why() -> None:
    found = chosen(AUTO, network(), ABLE)
    (notice,) = found.notices
    assert notice.startswith(f"precision {found.precision}: ")
    assert "images a second in bfloat16" in notice
    assert (found.rounding is None) == (found.precision == FLOAT32)


def single_convolution() -> Any:
    inputs = keras.Input((SIDE, SIDE, 3))
    return keras.Model(inputs, classifier(L.Conv2D(4, 3)(inputs)))


def of_another_kind() -> Any:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(4, 3)(inputs)
    return keras.Model(inputs, classifier(L.SeparableConv2D(4, 3)(x)))


@pytest.mark.parametrize("made", [single_convolution, of_another_kind])
def test_a_network_without_such_layers_is_refused_and_left_alone_by_auto(made: Any) -> None:
    with pytest.raises(ModelError, match="no layer that could be computed in bfloat16"):
        chosen(BFLOAT16, made(), ABLE)
    left = chosen(AUTO, made(), ABLE)
    assert left.precision == FLOAT32
    assert "no layer" in left.notices[0]


class Wrong(keras.layers.Layer):  # type: ignore[misc] # keras has no types
    """Much more than rounding, where it is compiled."""

    def call(self, x: Any) -> Any:
        return x if tf.executing_eagerly() else x * 1.2


def test_more_than_rounding_is_still_refused() -> None:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(4, 3, activation="relu")(L.Rescaling(1 / 255)(inputs))
    x = L.Conv2D(4, 3, name="after")(Wrong()(x))
    with pytest.raises(ModelError, match="after is the first layer that parts"):
        proven(keras.Model(inputs, classifier(x)), photos(), precision=BFLOAT16)


@pytest.fixture
def words(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return [
        *("--model", str(tiny_path), "--images", str(tiny_images), "--store", "a.db"),
        *("--batch-size", "16", "--no-scores"),
    ]


def test_a_run_keeps_its_precision_and_what_that_cost(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--precision", "bfloat16", "--share", "brief"]) == 0
    said = capsys.readouterr().err
    assert "bfloat16: GAP is off by" in said
    assert "on 64 images; " in said
    assert main([*words, "--limit", "8", "--quiet"]) == 0
    brief_, single = (StoreReader("a.db").run(number) for number in (1, 2))
    assert (brief_.precision, single.precision) == (BFLOAT16, FLOAT32)
    assert single.options["rounding"] is None
    rounding = rounding_in(brief_.options)
    assert rounding is not None
    assert [*rounding.layers] == ["first", "second"]
    assert rounding.layers["first"] == (0, 0)
    assert 0 < rounding.largest < 0.5


@pytest.mark.parametrize("option", ["--resume", "--share"])
def test_a_run_goes_on_as_it_began_or_not_at_all(
    words: list[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--precision", "bfloat16", *(("--share",) if option == "--share" else ("--name",))]
    request = request_of(parse([*words, *asked, "brief"]))
    source = images_for(request, None, None)
    with StopSignals() as signals:
        if option == "--share":
            begun = joining.begin(request, "brief", source, signals)
            assert begun is not None
            with closing(begun.shared) as shared:
                shared.leave()
        else:
            with closing(session.begin(request, source, signals).writer) as writer:
                writer.interrupt()
    again = ["--store", "a.db", option, "brief"]
    assert main([*again, "--precision", "float32"]) == INPUT
    assert "begun with --precision bfloat16; it cannot go on with" in capsys.readouterr().err
    assert main([*again, "--precision", "auto", "--quiet"]) == 0
    assert main([*words, "--precision", "bfloat16", "--name", "at once", "--quiet"]) == 0
    reader = StoreReader("a.db")
    run = reader.run("brief")
    assert (run.precision, run.stored) == (BFLOAT16, 400)
    rows, expected = (reader.gap_rows(reader.run(name).id, 0, 400) for name in ("brief", "at once"))
    np.testing.assert_array_equal(rows, expected)


def test_onnx_is_computed_in_float32_and_says_so(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Builder(seed=0)
    tensor = made.add("Relu", made.conv("pixels", 3, 5, name="one"), name="relu")
    path = saved(made.classified(tensor, 5), tmp_path, "net.onnx")
    asked = [*words, "--model", path, "--limit", "20"]
    assert main([*asked, "--precision", "bfloat16"]) == INPUT
    refused = capsys.readouterr().err
    assert refused.count("\n") == 1
    assert "models of ONNX are computed in float32 only; leave --precision out." in refused
    assert main([*asked, "--precision", "auto"]) == 0
    assert "precision float32: ONNX computes in no other." in capsys.readouterr().err


def test_a_wrong_word_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*words, "--precision", "float16"])
    assert "float16" in capsys.readouterr().err


def test_the_callback_measures_each_epoch_with_its_own_weights(
    tmp_path: Path, tiny_model: Any
) -> None:
    model = keras.models.clone_model(tiny_model)
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(3)
    light = rng.random((40, 1, 1, 3))
    images = (rng.integers(0, 256, (40, 8, 8, 3)) * light).astype(np.uint8)
    callback = ReactCNNCallback(tmp_path / "a.db", images, precision="bfloat16")
    model.fit(images, rng.integers(0, 3, 40), epochs=2, verbose=0, callbacks=[callback])
    runs = [StoreReader(str(tmp_path / "a.db")).run(one) for one in callback.runs]
    assert [run.precision for run in runs] == [BFLOAT16] * 2
    first, second = (rounding_in(run.options) for run in runs)
    assert first is not None
    assert second is not None
    assert first != second
    stored = StoreReader(str(tmp_path / "a.db")).gap_rows(runs[1].id, 0, 40)
    expected = np.concatenate(plain(model, images)[1], 1)
    assert not np.array_equal(stored, expected)
    np.testing.assert_allclose(stored, expected, atol=0.02 * np.abs(expected).max())
    for wrong, kind in (("half", ValueError), (16, TypeError)):
        with pytest.raises(kind, match="precision is"):
            ReactCNNCallback(tmp_path / "a.db", images, precision=wrong)  # type: ignore[arg-type]
