from __future__ import annotations

import dataclasses
import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactcnn_dash.db import (
    Answers,
    Clustering,
    CorrelationState,
    ImageBatch,
    ImageNotFound,
    Layer,
    MapBatch,
    RunNotFound,
    RunState,
    RunWriter,
    StoreReader,
    pack,
    packing,
    replace_states,
    save_clustering,
)
from reactcnn_dash.db.packing import pack_batch, pack_state, unpack_state
from tests.db.samples import FILTERS, LAYERS, batch, files, new_run, state, written
from tests.silence import fall_silent

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def test_a_run_reads_back_as_it_was_begun(url: str) -> None:
    new = new_run()
    before = datetime.now(UTC)
    with RunWriter.begin(url, new) as writer:
        run = StoreReader(url).run(writer.run.id)
        assert run.state is RunState.COLLECTING
        assert (run.name, run.total, run.batch_size) == (new.name, new.total, new.batch_size)
        assert (run.class_names, run.image_shape) == (new.class_names, new.image_shape)
        assert (run.options, run.feature_maps) == (new.options, new.feature_maps)
        assert (run.image_source, run.image_identity) == (new.image_source, new.image_identity)
        checkpoint = run.checkpoint
        assert (checkpoint.sha256, checkpoint.model) == (new.checkpoint_sha256, new.model)
        assert (checkpoint.parameters, checkpoint.source) == (1234, "packaged")
        assert before <= run.created_at <= datetime.now(UTC)
        assert run.ended_at is None
        assert run.rate is None
        assert (run.stored, run.labelled, run.correct, run.skipped) == (0, 0, 0, 0)
        assert run.gap_low.dtype == np.float32
        assert np.isnan(run.gap_low).all()
        assert len(run.gap_high) == len(LAYERS)
        assert StoreReader(url).layers(run.id) == LAYERS
        assert writer.run.uuid == run.uuid


def test_every_value_of_every_image_comes_back(filled: str) -> None:
    reader = StoreReader(filled)
    run = reader.run(1)
    truth = batch(0, 10)
    maps = truth.maps
    assert maps is not None
    assert run.stored == 10
    for ordinal in range(10):
        image = reader.image(run.id, ordinal)
        label = int(truth.labels[ordinal])
        assert image.ordinal == ordinal
        assert image.label == (label if label >= 0 else None)
        assert image.prediction == int(truth.probabilities[ordinal].argmax())
        assert image.name == truth.names[ordinal]
        assert image.finite
        assert np.array_equal(image.probabilities, truth.probabilities[ordinal])
        assert np.array_equal(image.pixels, truth.pixels[ordinal])
        digest = hashlib.sha256(b"|u1(6, 5, 3)" + truth.pixels[ordinal].tobytes())
        assert image.sha256 == digest.hexdigest()
        assert np.array_equal(reader.pixels(run.uuid, ordinal), truth.pixels[ordinal])
        assert np.array_equal(reader.gap_row(run.id, ordinal), truth.gap[ordinal])
        for layer, of_layer in enumerate(maps):
            found = reader.feature_maps(run.uuid, ordinal, layer)
            assert found is not None
            assert np.array_equal(found.codes, of_layer.codes[ordinal])
            assert np.array_equal(found.low, of_layer.low[ordinal])
            assert np.array_equal(found.step, of_layer.step[ordinal])


def test_a_frame_is_the_newest_image_of_the_newest_run(filled: str) -> None:
    with RunWriter.begin(filled, new_run(name="second")) as writer:
        reader = StoreReader(filled)
        empty = reader.frame(None, None)
        assert empty is not None
        assert (empty.run.name, empty.image, empty.gap) == ("second", None, None)
        writer.append(batch(0, 3))
        frame = reader.frame(None, None)
        assert frame is not None
        assert frame.image is not None
        assert frame.gap is not None
        assert (frame.image.ordinal, frame.latest_run_id) == (2, writer.run.id)
        assert np.array_equal(frame.gap, batch(0, 3).gap[2])
        old = reader.frame(1, 4)
        assert old is not None
        assert old.image is not None
        assert (old.run.id, old.image.ordinal) == (1, 4)
        assert (old.latest_run_id, old.damaged) == (writer.run.id, None)
        beyond = reader.frame(1, 10)
        assert beyond is not None
        assert (beyond.image, beyond.gap, beyond.damaged) == (None, None, None)


def test_gap_rows_by_range_and_layer(filled: str) -> None:
    reader = StoreReader(filled)
    truth = batch(0, 10).gap
    assert np.array_equal(reader.gap_rows(1, 2, 9), truth[2:9])
    assert np.array_equal(reader.gap_rows(1, 0, 99, LAYERS[1]), truth[:, 3:])
    assert reader.gap_rows(1, 10, 20).shape == (0, FILTERS)
    assert reader.gap_rows(1, 10, 20, LAYERS[1]).shape == (0, 5)
    blocks = list(reader.gap_blocks(1, 1, 10, LAYERS[0], size=4))
    assert [block.ordinals.tolist() for block in blocks] == [[1, 2, 3, 4], [5, 6, 7, 8], [9]]
    assert np.array_equal(np.concatenate([block.rows for block in blocks]), truth[1:, :3])


def test_counters_and_gap_ranges_follow_the_rows(filled: str) -> None:
    run = StoreReader(filled).run(1)
    truth = batch(0, 10)
    labelled = truth.labels >= 0
    right = labelled & (truth.probabilities.argmax(axis=1) == truth.labels)
    assert 0 < right.sum() < labelled.sum() < 10
    assert (run.stored, run.labelled, run.correct) == (10, labelled.sum(), right.sum())
    assert run.gap_low.tolist() == [truth.gap[:, :3].min(), truth.gap[:, 3:].min()]
    assert run.gap_high.tolist() == [truth.gap[:, :3].max(), truth.gap[:, 3:].max()]
    assert run.state is RunState.FINISHED
    assert run.ended_at is not None


def test_values_that_are_not_finite_are_stored_and_marked(url: str) -> None:
    images = batch(0, 5)
    maps = images.maps
    assert maps is not None
    images.labels[:] = 0
    images.probabilities[:] = (1, 0, 0)
    images.gap[0, 1] = np.nan
    images.gap[1, 4] = np.inf
    images.probabilities[2] = np.nan
    maps[1].step[3, 2] = np.nan
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(images)
    reader = StoreReader(url)
    run = reader.run(1)
    assert [reader.image(1, ordinal).finite for ordinal in range(5)] == [False] * 4 + [True]
    assert np.isnan(reader.gap_row(1, 0)[1])
    assert np.isposinf(reader.gap_row(1, 1)[4])
    found = reader.feature_maps(run.uuid, 3, 1)
    assert found is not None
    assert np.isnan(found.step[2])
    finite = np.where(np.isfinite(images.gap), images.gap, np.nan)
    assert run.gap_high.tolist() == [np.nanmax(finite[:, :3]), np.nanmax(finite[:, 3:])]
    # Without finite probabilities there is no answer, hence no right one.
    assert (run.labelled, run.correct) == (5, 4)
    assert reader.nearest_misclassified(1, -1, forward=True) == 2


def test_nearest_misclassified_is_the_next_wrong_one_each_way(filled: str) -> None:
    reader = StoreReader(filled)
    truth = batch(0, 10)
    wrong = (truth.labels >= 0) & (truth.probabilities.argmax(axis=1) != truth.labels)
    ordinals = np.flatnonzero(wrong).tolist()
    assert len(ordinals) > 1
    for here in range(-1, 11):
        after = next((one for one in ordinals if one > here), None)
        before = next((one for one in reversed(ordinals) if one < here), None)
        assert reader.nearest_misclassified(1, here, forward=True) == after
        assert reader.nearest_misclassified(1, here, forward=False) == before


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_only_the_maps_of_the_last_images_are_kept(url: str, size: int) -> None:
    with RunWriter.begin(url, new_run(feature_maps="last:3")) as writer:
        reader = StoreReader(url)
        while writer.stored < 14:
            writer.append(batch(writer.stored, size))
            kept = [
                ordinal
                for ordinal in range(writer.stored)
                if reader.feature_maps(writer.run.uuid, ordinal, 1) is not None
            ]
            assert kept == list(range(max(0, writer.stored - 3), writer.stored))
        found = reader.feature_maps(writer.run.uuid, writer.stored - 1, 0)
        truth = batch(writer.stored - 1, 1).maps
        assert found is not None
        assert truth is not None
        assert np.array_equal(found.codes, truth[0].codes[0])


def test_maps_of_an_older_build_stand_beside_new_ones(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(7)
    layer = Layer(0, "wide", "convolution", "relu", 16, 24, 24, 0)
    shape = (4, 16, 24, 24)
    codes = (rng.integers(1, 256, shape) * (rng.random(shape) < 0.4)).astype(np.uint8)
    scale = rng.random((4, 16), np.float32)

    def part(start: int) -> ImageBatch:
        here = slice(start, start + 2)
        maps = (MapBatch(codes[here], np.zeros_like(scale[here]), scale[here]),)
        return _changed(batch(start, 2, maps=False), gap=scale[here], maps=maps)

    def as_it_was(array: NDArray[Any], compress: bool = False) -> bytes:
        if array.size != codes[0].size:
            return pack(array, compress)
        left = np.packbits(array != 0).tobytes() + array[array != 0].tobytes()
        return written(2, array, left)

    with RunWriter.begin(url, new_run(layers=(layer,), feature_maps="all")) as writer:
        with monkeypatch.context() as older:
            older.setattr(packing, "pack", as_it_was)
            writer.append(part(0))
        writer.append(part(2))
        reader = StoreReader(url)
        for ordinal in range(4):
            found = reader.feature_maps(writer.run.uuid, ordinal, 0)
            assert found is not None
            assert np.array_equal(found.codes, codes[ordinal])
            assert np.array_equal(found.step, scale[ordinal])


def test_a_run_may_keep_no_maps(url: str) -> None:
    with RunWriter.begin(url, new_run(feature_maps="none")) as writer:
        writer.append(batch(0, 2, maps=False))
        with pytest.raises(ValueError, match="keeps no feature maps"):
            writer.append(batch(2, 2))
        assert StoreReader(url).feature_maps(writer.run.uuid, 0, 0) is None


def test_states_come_back_to_the_bit_and_are_replaced(url: str) -> None:
    with RunWriter.begin(url, new_run()) as writer:
        reader = StoreReader(url)
        assert reader.correlation_state(1, 0) is None
        writer.append(batch(0, 6), [state(0, 6), state(1, 6)])
        writer.save_states([state(1, 5)])
        for truth in (state(0, 6), state(1, 5)):
            found = reader.correlation_state(1, truth.layer)
            assert found is not None
            assert (found.covered, found.n) == (truth.covered, truth.n)
            for name in ("mean", "comoment", "low", "high"):
                assert np.array_equal(getattr(found, name), getattr(truth, name)), name
        writer.finish()
    replace_states(url, 1, [state(0, 3)])
    replaced = reader.correlation_state(1, 0)
    assert replaced is not None
    assert replaced.covered == 3
    assert reader.correlation_state(1, 1) is None


@given(filters=st.integers(1, 70), seed=st.integers(0, 2**32 - 1))
def test_any_state_is_packed_without_loss(filters: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    half = rng.standard_normal((filters, filters)) * 10.0 ** rng.integers(-300, 300, filters)
    mean, low, high = rng.standard_normal((3, filters))
    saved = CorrelationState(4, 9, 7, mean, half + half.T, low, high)
    row = pack_state(saved)
    back = unpack_state(row["layer"], row["covered"], row["n"], row["moments"], filters)
    assert (back.layer, back.covered, back.n) == (4, 9, 7)
    for name in ("mean", "comoment", "low", "high"):
        assert getattr(back, name).tobytes() == getattr(saved, name).tobytes(), name


def test_arrays_that_are_no_state_are_refused() -> None:
    sound = state(1, 4)
    for name in ("mean", "low", "comoment"):
        with pytest.raises(ValueError, match="belong together"):
            pack_state(dataclasses.replace(sound, **{name: getattr(sound, name)[:-1]}))


def test_maps_that_would_go_at_once_are_not_even_packed() -> None:
    packed = pack_batch(1, batch(0, 7), LAYERS, kept=3, answers=Answers.CLASSES)
    assert sorted({row["ordinal"] for row in packed.feature_maps}) == [4, 5, 6]


def test_clusterings_are_kept_by_method_parameter_and_images(filled: str) -> None:
    reader = StoreReader(filled)

    def clustering(images: int, first: int, parameter: float = 0.1) -> Clustering:
        labels = np.array([first, 0, -1], np.int32)
        return Clustering(0, "louvain", parameter, images, labels)

    for one in (clustering(4, 1), clustering(9, 2), clustering(9, 3), clustering(10, 4, 0.3)):
        save_clustering(filled, 1, one)
    latest = reader.clustering(1, 0, "louvain", 0.1)
    assert latest is not None
    assert (latest.images, latest.labels.tolist()) == (9, [3, 0, -1])
    assert latest.labels.dtype == np.int32
    older = reader.clustering(1, 0, "louvain", 0.1, images=4)
    assert older is not None
    assert older.labels.tolist() == [1, 0, -1]
    assert reader.clustering(1, 0, "louvain", 0.1, images=5) is None
    assert reader.clustering(1, 0, "leiden-cpm", 0.1) is None
    assert [one.images for one in reader.clusterings(1)] == [4, 9, 10]
    assert reader.clusterings(1, layer=1) == ()
    with pytest.raises(RunNotFound):
        save_clustering(filled, 7, clustering(1, 1))


def test_runs_are_found_by_id_name_and_uuid_newest_first(filled: str) -> None:
    for name in ("trial", "1"):
        RunWriter.begin(filled, new_run(name=name)).close()
    reader = StoreReader(filled)
    assert [run.id for run in reader.runs()] == [3, 2, 1]
    assert [run.id for run in reader.runs(limit=1, offset=1)] == [2]
    assert reader.run("trial").id == 2
    assert reader.run("1").id == reader.run(1).id == 1
    assert reader.run(reader.run(3).uuid).id == 3
    newest = reader.latest_run()
    assert newest is not None
    assert newest.id == 3
    # The same weights are one checkpoint.
    assert {run.checkpoint.id for run in reader.runs()} == {1}


def test_what_is_not_there_is_named(filled: str) -> None:
    reader = StoreReader(filled)
    uuid = reader.run(1).uuid
    for missing in (lambda: reader.run("nobody"), lambda: reader.frame(9, None)):
        with pytest.raises(RunNotFound, match=r"no run ('nobody'|9)"):
            missing()
    with pytest.raises(RunNotFound):
        reader.layers(9)
    for image in (lambda: reader.image(1, 10), lambda: reader.pixels(uuid, 10)):
        with pytest.raises(ImageNotFound, match="no image 10"):
            image()
    with pytest.raises(ImageNotFound):
        reader.gap_row(1, 10)
    assert reader.feature_maps(uuid, 3, 9) is None
    with pytest.raises(RunNotFound):
        RunWriter.resume(filled, "nobody")


def test_a_run_without_images_is_abandoned_with_its_checkpoint(filled: str) -> None:
    with RunWriter.begin(filled, new_run()) as same:
        same.abandon()
    with RunWriter.begin(filled, new_run(checkpoint_sha256="c" * 64)) as other:
        assert other.run.checkpoint.id == 2
        other.abandon()
    reader = StoreReader(filled)
    assert [run.id for run in reader.runs()] == [1]
    # Ids are never used again, so an old link cannot lead to a new run.
    with RunWriter.begin(filled, new_run(checkpoint_sha256="c" * 64)) as later:
        assert (later.run.id, later.run.checkpoint.id) == (4, 3)
        later.append(batch(0, 1))
        later.abandon()
        assert reader.run(4).stored == 1


@pytest.mark.parametrize(
    "changes",
    [{"feature_maps": "some"}, {"feature_maps": "last:0"}, {"layers": ()}, {"layers": LAYERS[1:]}],
)
def test_a_run_that_contradicts_itself_leaves_nothing(
    url: str, path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"feature maps|layer"):
        RunWriter.begin(url, new_run(**changes))
    assert not path.exists()


def test_a_batch_that_does_not_fit_stores_nothing(url: str) -> None:
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 2))
        good = batch(2, 2)
        bad = [
            batch(1, 2),
            batch(3, 2),
            _changed(good, gap=good.gap[:, 1:]),
            _changed(good, gap=good.gap.astype(np.float64)),
            _changed(good, probabilities=good.probabilities[:1]),
            _changed(good, pixels=good.pixels[:1]),
            _changed(good, names=good.names[:1]),
            _changed(good, maps=(good.maps or ())[:1]),
            _changed(good, maps=(good.maps or ())[::-1]),
            _changed(good, labels=np.array([], int)),
        ]
        for images in bad:
            with pytest.raises(ValueError, match=r"batch|must|codes"):
                writer.append(images)
        assert writer.stored == StoreReader(url).run(1).stored == 2
        writer.append(good)
        assert writer.stored == 4


def _changed(images: ImageBatch, **changes: Any) -> ImageBatch:
    return dataclasses.replace(images, **changes)


def test_rate_total_and_skipped_reach_the_reader(url: str) -> None:
    with RunWriter.begin(url, new_run(total=None)) as writer:
        reader = StoreReader(url)
        writer.append(batch(0, 2), rate=12.5)
        writer.set_total(40)
        writer.set_skipped(3)
        run = reader.run(1)
        assert (run.rate, run.total, run.skipped) == (12.5, 40, 3)
        beat = run.heartbeat_at
        writer.heartbeat()
        assert reader.run(1).heartbeat_at > beat
        writer.interrupt()
        assert reader.run(1).state is RunState.INTERRUPTED


def test_an_old_heartbeat_means_stalled(url: str) -> None:
    writer = RunWriter.begin(url, new_run())
    fall_silent(url)
    reader = StoreReader(url)
    assert reader.run(1).state is RunState.STALLED
    writer.heartbeat()
    assert reader.run(1).state is RunState.COLLECTING
    writer.close()


def test_a_store_at_rest_is_one_file_and_reading_adds_none(
    filled: str, tmp_path: Path, path: Path
) -> None:
    before = path.read_bytes()
    reader = StoreReader(filled)
    reader.frame(None, None)
    reader.runs()
    assert files(tmp_path) == [path.name]
    save_clustering(filled, 1, Clustering(0, "louvain", 1.0, 10, np.zeros(3, np.int32)))
    assert files(tmp_path) == [path.name]
    assert path.read_bytes() != before


def test_begun_here_and_appended_in_another_thread(url: str) -> None:
    with RunWriter.begin(url, new_run()) as writer, ThreadPoolExecutor(1) as pool:
        pool.submit(writer.append, batch(0, 3)).result()
        writer.append(batch(3, 1))
        assert StoreReader(url).run(1).stored == 4


def test_a_plain_path_and_its_url_are_the_same_store(path: Path, filled: str) -> None:
    assert StoreReader(str(path)).run(1).uuid == StoreReader(filled).run(1).uuid


def test_a_path_with_odd_characters(tmp_path: Path) -> None:
    odd = str(tmp_path / "a b%20#c?ü.db")
    with RunWriter.begin(odd, new_run()) as writer:
        writer.append(batch(0, 1))
    assert files(tmp_path) == ["a b%20#c?ü.db"]
    assert StoreReader(odd).run(1).stored == 1
