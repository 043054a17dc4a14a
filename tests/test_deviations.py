"""Odd images and what is odd about them: planted faults, in real stores, through the routes."""

from __future__ import annotations

import base64
import dataclasses
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reactcnn_dash import analysis
from reactcnn_dash.db import DamagedBlob, RunWriter, StoreReader
from reactcnn_dash.jobs.runner import Jobs, Workers
from reactcnn_dash.pages.live.deviation_routes import blueprint
from reactcnn_dash.results.clusters.clustering import warm_up
from reactcnn_dash.results.deviations import scores, service
from reactcnn_dash.results.deviations.findings import findings
from reactcnn_dash.results.deviations.packing import from_bytes, to_bytes
from reactcnn_dash.results.deviations.profile import (
    RunProfile,
    class_quantiles,
    due,
    fit,
    pack_profile,
    unpack_profile,
)
from reactcnn_dash.results.deviations.scores import (
    PROFILE,
    RATE,
    SCORES,
    RunScores,
    bring_up_to_date,
)
from tests import served, stores

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 400
ODD = 251
"""On this image filter 3 of the second layer answers twice as strongly as it should."""


def made() -> stores.Truth:
    truth = stores.truth(IMAGES)
    truth.gap[ODD, stores.FILTERS[0] + 3] *= 2
    return truth


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one run that has its profile and scores."""
    path = tmp_path_factory.mktemp("deviations") / "store.db"
    stores.make_store(path, IMAGES, made=made(), maps=False)
    bring_up_to_date(str(path), 1)
    return path


def profile_of(path: Path, run: int = 1) -> RunProfile:
    reader = StoreReader(str(path))
    found = PROFILE.find(reader, reader.run(run))
    assert found is not None
    return found


def scores_of(path: Path, run: int = 1) -> RunScores:
    reader = StoreReader(str(path))
    found = SCORES.find(reader, reader.run(run))
    assert found is not None
    return found


def test_the_planted_image_is_the_oddest(kept: Path) -> None:
    scores = scores_of(kept)
    assert scores.scores.shape == (IMAGES,)
    assert int(np.argmax(scores.scores)) == ODD
    assert ODD in scores.odd(RATE).tolist()
    assert StoreReader(str(kept)).run(1).odd == len(scores.odd(RATE))


def test_a_long_run_is_scored_in_parts_and_what_is_known_is_said(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "parts.db"
    stores.make_store(path, IMAGES, made=made())
    monkeypatch.setattr(service, "AT_ONCE", IMAGES // 3 + 1)
    reader = StoreReader(str(path))
    deviations = service.Deviations(reader, str(path), Jobs())
    uuid, scored = reader.run(1).uuid, []
    while True:
        found = deviations.ask(uuid)
        assert isinstance(found, service.Ready)
        scored.append(len(found.scores.scores))
        # How many stand out of the run is noted once all are scored.
        assert (reader.run(1).odd is None) == found.working
        if not found.working:
            break
    assert scored == [IMAGES // 3 + 1, 2 * (IMAGES // 3 + 1), IMAGES]
    np.testing.assert_allclose(scores_of(path).scores, scores_of(kept).scores, atol=1e-4)


def test_the_false_alarms_are_as_many_as_the_rate_allows(kept: Path) -> None:
    scores = scores_of(kept)
    for rate in (0.02, 0.1, 0.3):
        assert len(scores.odd(rate)) / IMAGES < 2 * rate + 0.02
    assert len(scores.odd(0.3)) > len(scores.odd(0.02))


def test_every_score_is_by_a_profile_that_was_not_fitted_to_the_image(kept: Path) -> None:
    gap = made().gap
    ends = np.cumsum(stores.FILTERS)[:-1]
    halves = [analysis.fit_profile(np.split(gap, ends, axis=1), half=half) for half in (0, 1)]
    expected = np.empty(IMAGES)
    for ordinal in range(IMAGES):
        # All images are in the sample, in their order: those at even places were fitted by half 0.
        half = halves[1] if ordinal % 2 == 0 else halves[0]
        row = np.split(gap[ordinal : ordinal + 1], ends, axis=1)
        expected[ordinal] = analysis.oddness(half, row).score[0]
    np.testing.assert_allclose(scores_of(kept).scores, expected, rtol=1e-3, atol=1e-3)


def test_findings_name_the_layer_and_the_filter(kept: Path) -> None:
    reader, profile = StoreReader(str(kept)), profile_of(kept)
    gap = reader.gap_row(1, ODD)
    found = findings(profile, reader.layers(1), ODD, gap, usual=profile.quantiles, rate=0.01)
    assert int(np.argmax(found.strangeness)) == 1
    assert found.tail[1] == pytest.approx(1 / (IMAGES / 2 + 1), rel=1e-3)
    first = found.suspects[0]
    assert (first.layer, first.filter) == (1, 3)
    assert first.deviation > 0
    left = found.left[0]
    assert (left.layer, left.what.filter) == (1, 3)
    # The others of its group: four of the eight filters of the layer, without the filter itself.
    assert left.what.mates == 3
    assert left.what.found == pytest.approx(gap[stores.FILTERS[0] + 3])
    assert left.what.expected == pytest.approx(gap[stores.FILTERS[0] + 3] / 2, rel=0.1)


def test_deviations_are_ranks_on_the_normal_curve(kept: Path) -> None:
    from scipy.stats import norm

    reader, profile, gap = StoreReader(str(kept)), profile_of(kept), made().gap
    for ordinal in (3, 77):
        row = reader.gap_row(1, ordinal)
        found = findings(
            profile, reader.layers(1), ordinal, row, usual=profile.quantiles, rate=0.01
        )
        rank = (gap[:, 1:] <= row[1:]).sum(axis=0) / (IMAGES + 1)
        varying = gap.std(axis=0)[1:] > 0
        np.testing.assert_allclose(found.deviation[1:][varying], norm.ppf(rank[varying]), atol=0.12)
        assert found.images == IMAGES


def test_a_class_has_its_own_distribution(kept: Path) -> None:
    reader, gap = StoreReader(str(kept)), made().gap
    run = reader.run(1)
    given = np.argmax(made().probabilities, axis=1)
    for number in range(3):
        one = class_quantiles(reader, run, number)
        assert one is not None
        assert one.n == (given == number).sum()
        low, high = gap[given == number].min(axis=0), gap[given == number].max(axis=0)
        np.testing.assert_allclose(one.values[[0, -1]], [low, high], rtol=1e-5)
    assert class_quantiles(reader, run, 3) is None


def test_a_value_that_is_not_finite_makes_an_image_odd_and_names_the_layer(tmp_path: Path) -> None:
    truth = made()
    truth.gap[9, stores.FILTERS[0] + 1] = np.nan
    path = tmp_path / "store.db"
    stores.make_store(path, IMAGES, made=truth, maps=False)
    bring_up_to_date(str(path), 1)
    scores = scores_of(path)
    assert np.isposinf(scores.scores[9])
    assert 9 in scores.odd(RATE).tolist()
    reader = StoreReader(str(path))
    row = reader.gap_row(1, 9)
    profile = profile_of(path)
    found = findings(profile, reader.layers(1), 9, row, usual=profile.quantiles, rate=0.01)
    assert np.isfinite(found.strangeness).tolist() == [True, False, False]
    assert found.suspects == ()


def test_a_run_that_grows_is_scored_where_it_has_no_scores_yet(tmp_path: Path) -> None:
    path, truth = tmp_path / "store.db", stores.truth(700)
    with RunWriter.begin(str(path), stores.new_run(feature_maps="none")) as writer:
        stores.append(writer, truth, 0, 520, maps=False)
        bring_up_to_date(str(path), 1)
        first = scores_of(path)
        assert (first.profile, len(first.scores)) == (520, 520)
        stores.append(writer, truth, 520, 700, maps=False)
        bring_up_to_date(str(path), 1)
        later = scores_of(path)
        # Not twice as many images yet: the profile stays, and so do the scores by it.
        assert (later.profile, len(later.scores)) == (520, 700)
        np.testing.assert_array_equal(later.scores[:520], first.scores)
        writer.finish()
    reader = StoreReader(str(path))
    assert due(reader.run(1), profile_of(path).images)
    bring_up_to_date(str(path), 1)
    assert scores_of(path).profile == 700
    assert not due(reader.run(1), profile_of(path).images)


def test_damaged_rows_have_no_score(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    stores.make_store(path, 200, maps=False)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("UPDATE images SET gap = x'00' WHERE ordinal = 7")
        raw.commit()
    bring_up_to_date(str(path), 1)
    scores = scores_of(path).scores
    assert np.flatnonzero(np.isnan(scores)).tolist() == [7]


def test_a_profile_survives_packing_and_nothing_else_is_made_of_bytes(kept: Path) -> None:
    profile = profile_of(kept)
    again = unpack_profile(pack_profile(profile))
    assert again.images == profile.images
    np.testing.assert_array_equal(again.ordinals, profile.ordinals)
    for one, other in zip(again.halves[0].layers, profile.halves[0].layers, strict=True):
        for field in dataclasses.fields(one):
            a, b = getattr(one, field.name), getattr(other, field.name)
            np.testing.assert_array_equal(a, b)
    for damaged in (b"", b"PK\x03\x04", pack_profile(profile)[:-40], to_bytes({"a": 1})):
        with pytest.raises(DamagedBlob):
            unpack_profile(damaged)
    with pytest.raises(DamagedBlob):
        from_bytes(pack_profile(profile), RunScores)


@pytest.fixture
def client(kept: Path) -> Any:
    return served.client(blueprint, served.context(kept))


def test_routes_say_which_images_are_odd_and_why(client: Any, kept: Path) -> None:
    uuid = StoreReader(str(kept)).run(1).uuid
    run = client.get(f"/deviations/{uuid}?rate=0.01").get_json()
    assert (run["status"], run["scored"], run["working"]) == ("done", IMAGES, False)
    assert ODD in run["odd"]
    assert run["count"] == len(run["odd"])
    assert client.get(f"/deviations/{uuid}?stored=1&rate=0.01").get_json() == run
    found = client.get(f"/deviations/{uuid}/next?after={ODD - 1}").get_json()
    assert found["image"] == ODD
    # After the last comes the first.
    again = client.get(f"/deviations/{uuid}/next?after={IMAGES}").get_json()
    assert again["image"] == min(run["odd"])
    image = client.get(f"/deviations/{uuid}/images/{ODD}?against=class").get_json()
    given = np.argmax(made().probabilities, axis=1)
    assert (image["against"], image["images"]) == (given[ODD], (given == given[ODD]).sum())
    assert image["score"] > image["threshold"]
    assert image["suspects"][0] | {"deviation": 0} == {"layer": 1, "filter": 3, "deviation": 0}
    codes = np.frombuffer(base64.b64decode(image["codes"]), np.uint8)
    assert len(codes) == sum(stores.FILTERS)
    assert int(np.argmax(codes)) == stores.FILTERS[0] + 3
    for bad in ("0", "1", "x"):
        refused = client.get(f"/deviations/{uuid}?rate={bad}").get_json()
        assert refused["status"] == "refused"
        assert "\n" not in refused["message"]
    assert client.get("/deviations/nobody").get_json()["status"] == "refused"
    assert client.get(f"/deviations/{uuid}/images/{IMAGES}").get_json()["status"] == "refused"


@pytest.mark.process
def test_the_service_has_made_what_is_not_there_and_says_when_it_is_too_early(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.db"
    stores.make_store(path, 30, maps=False, name="few")
    stores.make_store(path, IMAGES, made=made(), maps=False, name="enough")
    reader, jobs = StoreReader(str(path)), Workers(warm_up, 2)
    http = served.client(blueprint, served.context(path, jobs))
    few, enough = reader.run("few").uuid, reader.run("enough").uuid
    assert "64 images" in http.get(f"/deviations/{few}").get_json()["message"]
    for _ in range(2):  # the second would tell of work that the first began
        assert http.get(f"/deviations/{enough}?stored=1").get_json() == {"status": "none"}
    said = http.get(f"/deviations/{enough}").get_json()
    assert said["status"] == "running"
    assert (said["done"], said["total"]) == (0, 0)
    deadline = time.monotonic() + 60
    while said["status"] == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
        said = http.get(f"/deviations/{enough}").get_json()
    assert said["status"] == "done"
    assert ODD in said["odd"]
    jobs.close()


def test_a_store_that_cannot_be_written_costs_the_stored_copy_only(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    stores.make_store(path, IMAGES, made=made(), maps=False)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(
            "CREATE TRIGGER no_reports BEFORE INSERT ON reports "
            "BEGIN INSERT INTO nowhere VALUES (1); END"
        )
        raw.commit()
    reader = StoreReader(str(path))
    uuid = reader.run(1).uuid
    http = served.client(blueprint, served.context(path))
    said = http.get(f"/deviations/{uuid}").get_json()
    assert (said["status"], said["scored"], said["working"]) == ("done", IMAGES, False)
    assert ODD in said["odd"]
    assert http.get(f"/deviations/{uuid}?stored=1").get_json() == said
    image = http.get(f"/deviations/{uuid}/images/{ODD}").get_json()
    assert image["suspects"][0]["filter"] == 3
    assert PROFILE.find(reader, reader.run(1)) is None
    # Once it can be written, it keeps what was found out meanwhile, without finding it out again.
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TRIGGER no_reports")
        raw.commit()
    known = bring_up_to_date(str(path), 1)
    assert known is None
    np.testing.assert_array_equal(scores_of(path).odd(RATE), said["odd"])


def test_scores_of_a_run_that_ended_meanwhile_are_not_replaced_by_those_of_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, truth = tmp_path / "store.db", stores.truth(700)
    writer = RunWriter.begin(str(path), stores.new_run(feature_maps="none"))
    stores.append(writer, truth, 0, 520, maps=False)
    ended: list[RunScores] = []

    def slowly(*arguments: Any) -> Any:
        """Take so long that the run ends, and its collector scores all of it."""
        monkeypatch.undo()
        made = fit(*arguments)
        stores.append(writer, truth, 520, 700, maps=False)
        writer.finish()
        writer.close()
        assert bring_up_to_date(str(path), 1) is None
        ended.append(scores_of(path))
        return made

    monkeypatch.setattr(scores, "fit", slowly)
    bring_up_to_date(str(path), 1)
    assert len(scores_of(path).scores) == len(ended[0].scores) == 700
    np.testing.assert_array_equal(scores_of(path).scores, ended[0].scores)
    run = StoreReader(str(path)).run(1)
    assert run.odd == len(ended[0].odd(RATE))


def test_what_is_known_of_a_run_without_standing_in_the_store_is_gone_on_with(
    tmp_path: Path,
) -> None:
    path, truth = tmp_path / "store.db", stores.truth(700)
    with RunWriter.begin(str(path), stores.new_run(feature_maps="none")) as writer:
        stores.append(writer, truth, 0, 520, maps=False)
        with closing(sqlite3.connect(path)) as raw:
            raw.execute(
                "CREATE TRIGGER no_reports BEFORE INSERT ON reports "
                "BEGIN INSERT INTO nowhere VALUES (1); END"
            )
            raw.commit()
        first = bring_up_to_date(str(path), 1)
        assert first is not None
        stores.append(writer, truth, 520, 700, maps=False)
        second = bring_up_to_date(str(path), 1, first)
    assert second is not None
    assert second.profile is first.profile
    assert len(second.scores.scores) == 700
    np.testing.assert_array_equal(second.scores.scores[:520], first.scores.scores)
