"""Frames of the store → what a poll answers with."""

from __future__ import annotations

import base64
import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reactcnn_dash.analysis.scales import CODES, NOT_FINITE, NOUGHT
from reactcnn_dash.db import ImageBatch, RunWriter, StoreReader
from reactcnn_dash.pages.empty import empty_store
from reactcnn_dash.pages.live.frames import (
    encode_gap,
    frame_payload,
    gap_ranges,
)
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = stores.layers()
WIDTH = sum(stores.FILTERS)


def decode(codes: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Undo the encoding, written apart from it: filter by filter."""
    values = np.empty(len(codes))
    for layer in LAYERS:
        for i in range(layer.offset, layer.offset + layer.filters):
            below, above = low[layer.position], high[layer.position]
            if below < 0:
                side = codes[i] / 127 - 1
                values[i] = side * abs(side) * max(-below, above)
            else:
                values[i] = below + (codes[i] / 254) ** 2 * (above - below)
    return values


@pytest.mark.parametrize(("low", "high"), [(0, 50), (-3, 50), (-50, 3), (-2, 0)])
@given(st.data())
def test_codes_decode_to_the_value_within_one_step(
    low: float, high: float, data: st.DataObject
) -> None:
    gap = data.draw(arrays(np.float32, WIDTH, elements=st.floats(low, high, width=32)))
    codes = encode_gap(gap, LAYERS, np.full(3, low, np.float32), np.full(3, high, np.float32))
    # One code is a step of 1/254 in the square root of the share, 1/127 where there are two sides.
    codes_a_side = NOUGHT if low < 0 else CODES
    span = max(-low, high)
    share = np.abs(gap.astype(float)) / span
    tolerance = span * (np.sqrt(share) / codes_a_side + 0.25 / codes_a_side**2) + 1e-4
    decoded = decode(codes, np.full(3, low), np.full(3, high))
    assert np.all(np.abs(decoded - gap) <= tolerance)
    assert np.all((decoded == 0) | (np.sign(decoded) == np.sign(gap)))


def test_nought_is_neutral_where_values_go_both_ways() -> None:
    gap = np.zeros(WIDTH, np.float32)
    low, high = np.array([-8.66, 0, -0.28], np.float32), np.array([9.21, 5, 6], np.float32)
    assert [encode_gap(gap, LAYERS, low, high)[layer.offset] for layer in LAYERS] == [127, 0, 127]


def test_a_larger_value_never_has_a_smaller_code() -> None:
    gap = np.sort(np.random.default_rng(1).gamma(1, 2, WIDTH)).astype(np.float32)
    codes = encode_gap(gap, LAYERS, np.zeros(3, np.float32), np.full(3, gap.max(), np.float32))
    assert np.all(np.diff(codes.astype(int)) >= 0)
    assert codes[-1] == CODES


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_have_a_code_of_their_own(value: float) -> None:
    gap = np.ones(WIDTH, np.float32)
    gap[7] = value
    codes = encode_gap(gap, LAYERS, np.zeros(3, np.float32), np.ones(3, np.float32))
    assert codes[7] == NOT_FINITE
    assert np.all(np.delete(codes, 7) == CODES)


def test_a_layer_that_is_zero_throughout_has_code_zero() -> None:
    codes = encode_gap(
        np.zeros(WIDTH, np.float32), LAYERS, np.zeros(3, np.float32), np.zeros(3, np.float32)
    )
    assert not codes.any()


def test_a_frame_carries_what_was_stored(tmp_path: Path) -> None:
    made = stores.make_store(tmp_path / "s.db", 9)
    frame = StoreReader(str(tmp_path / "s.db")).frame(None, 5)
    assert frame is not None
    payload = frame_payload(frame, LAYERS, {})
    image = payload["image"]
    assert (image["ordinal"], image["label"]) == (5, made.labels[5])
    assert image["prediction"] == made.probabilities[5].argmax()
    assert [p for _, p in image["probabilities"]] == pytest.approx(made.probabilities[5].tolist())
    low, high = gap_ranges(frame.run)
    for layer in LAYERS:
        part = made.gap[:, layer.offset : layer.offset + layer.filters]
        assert (low[layer.position], high[layer.position]) == (0, part.max())
    codes = np.frombuffer(base64.b64decode(image["gap"]), np.uint8)
    np.testing.assert_allclose(decode(codes, low, high), made.gap[5], atol=0.08)
    assert [layer["name"] for layer in payload["model"]["layers"]] == ["conv1", "conv2", "conv3"]
    assert payload["run"]["correct"] == 6
    assert "empty" not in payload


def test_an_answer_that_is_not_finite_names_no_class(tmp_path: Path) -> None:
    made = stores.truth(3)
    made.probabilities[1] = [np.nan, 0.9, *[0.0] * (made.probabilities.shape[1] - 2)]
    stores.make_store(tmp_path / "s.db", 3, made=made)
    for ordinal, expected in ((0, made.probabilities[0].argmax()), (1, -1)):
        frame = StoreReader(str(tmp_path / "s.db")).frame(None, ordinal)
        assert frame is not None
        assert frame_payload(frame, LAYERS, {})["image"]["prediction"] == expected


def test_what_the_page_has_is_not_sent_again(tmp_path: Path) -> None:
    stores.make_store(tmp_path / "s.db", 4)
    frame = StoreReader(str(tmp_path / "s.db")).frame(None, None)
    assert frame is not None
    uuid = frame.run.uuid
    again = frame_payload(frame, LAYERS, {"uuid": uuid, "ordinal": 3})
    assert "image" not in again
    assert "model" not in again
    assert "image" in frame_payload(frame, LAYERS, {"uuid": uuid, "ordinal": 2})
    assert "model" in frame_payload(frame, LAYERS, {"uuid": "another", "ordinal": 3})


def test_many_classes_are_cut_to_the_largest_and_the_label(tmp_path: Path) -> None:
    names = tuple(f"class {number}" for number in range(100))
    run = dataclasses.replace(stores.new_run(), class_names=names)
    writer = RunWriter.begin(str(tmp_path / "s.db"), run)
    probabilities = np.linspace(0, 1, 100, dtype=np.float32)[None, :]
    made = stores.truth(1)
    writer.append(
        ImageBatch(
            start=0,
            labels=np.array([3]),
            probabilities=probabilities,
            pixels=made.pixels,
            names=(None,),
            gap=made.gap,
            maps=None,
        )
    )
    writer.close()
    frame = StoreReader(str(tmp_path / "s.db")).frame(None, None)
    assert frame is not None
    shown = [i for i, _ in frame_payload(frame, LAYERS, {})["image"]["probabilities"]]
    assert shown == [99, 98, 97, 96, 95, 94, 93, 92, 91, 3]


def test_a_run_without_images_says_so(tmp_path: Path) -> None:
    writer = RunWriter.begin(str(tmp_path / "s.db"), stores.new_run())
    reader = StoreReader(str(tmp_path / "s.db"))
    frame = reader.frame(None, None)
    assert frame is not None
    assert "getting ready" in frame_payload(frame, None, {})["empty"]["text"]
    writer.interrupt()
    writer.close()
    frame = reader.frame(None, None)
    assert frame is not None
    assert frame_payload(frame, None, {})["empty"]["command"] == "python -m collector"


def test_an_empty_page_names_the_store_in_its_command() -> None:
    assert empty_store("sqlite:///reactcnn.db")["empty"]["command"] == "python -m collector"
    other = empty_store("sqlite:////data/vgg.db")["empty"]["command"]
    assert other == "python -m collector --store sqlite:////data/vgg.db"
