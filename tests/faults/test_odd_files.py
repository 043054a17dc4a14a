"""Files that are no files, that expand without end, or hold JSON of another shape."""

from __future__ import annotations

import json
import os
import zipfile
from typing import TYPE_CHECKING

import pytest

from collector.cli import main as collect
from collector.errors import CollectorError, ModelError
from collector.frameworks.keras import modelfile
from collector.slim.planning import _confirmed
from collector.training.checkpoints import Checkpoints, Settings
from reactcnn_dash.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

DEEP = "[" * 100_000


@pytest.mark.parametrize("name", ["pipe.keras", "pipe.onnx", "pipe.npz"])
def test_a_pipe_is_refused_at_once(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / name
    os.mkfifo(pipe)
    option = "--images" if name.endswith("npz") else "--model"
    assert collect([option, str(pipe), "--store", str(tmp_path / "a.db")]) == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert name in said


@pytest.mark.parametrize("member", ["config.json", "metadata.json", "model.weights.h5"])
def test_an_archive_that_expands_without_end_is_not_read(
    tmp_path: Path, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in {"config.json", "metadata.json"} - {member}:
            archive.writestr(name, "{}")
        archive.writestr(member, bytes(100_000_000))
    assert path.stat().st_size < 200_000
    # As on a machine where that is more than there is.
    monkeypatch.setattr(modelfile, "free_memory", lambda: 90_000_000)
    with pytest.raises(ModelError, match=r"expands to|a configuration of") as refused:
        modelfile.checked_model_file(str(path))
    assert "\n" not in str(refused.value)
    if member != "model.weights.h5":
        assert modelfile.keras_version(path) is None
        assert modelfile.saved_loss(path) is None


@pytest.mark.parametrize("text", [DEEP, "[]", "3", "null", '"x"', '{"compile_config": []}', "NaN"])
def test_a_model_file_with_odd_json_says_nothing_of_itself(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("config.json", "metadata.json"):
            archive.writestr(name, text)
    assert modelfile.keras_version(path) is None
    assert modelfile.saved_loss(path) is None
    assert modelfile.checked_model_file(str(path)) == path


@pytest.mark.parametrize(
    "text",
    [
        DEEP, "", "[]", "3", "{}", '{"layers": 5}', '{"layers": [[1]]}', '{"layers": ["ab"]}',
        '{"layers": [{"name": "a", "explained": [{"filter": 1.7, "verdict": "confirmed"}]}]}',
        '{"layers": [{"name": "a", "explained": [{"filter": "1", "verdict": "confirmed"}]}]}',
        '{"layers": [{"name": "a", "explained": [{"filter": -1, "verdict": "confirmed"}]}]}',
        '{"layers": [{"name": ["a"], "explained": null}]}',
    ],
)  # fmt: skip
def test_a_plan_that_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(text)
    with pytest.raises(UserError, match="is no redundancy report"):
        _confirmed(plan)


@pytest.mark.parametrize(
    "change",
    [{"probe": "x"}, {"epochs": 2.5}, {"data": None}, {"learning_rate": "0.1"}, {"drawn": 1},
     {"more": 1}, None],
)  # fmt: skip
def test_settings_of_a_training_of_another_kind_are_refused(
    tmp_path: Path, change: dict[str, object] | None
) -> None:
    folder = Checkpoints(str(tmp_path))
    settings = Settings("cifar10", None, 10, 2, 8, 0.1, None, "night", 1)
    folder.begin(settings)
    assert folder.settings() == settings
    (file,) = tmp_path.glob("*.json")
    kept = json.loads(file.read_text())
    file.write_text(DEEP if change is None else json.dumps(kept | change))
    with pytest.raises(CollectorError, match="cannot be read") as refused:
        folder.settings()
    assert "\n" not in str(refused.value)
