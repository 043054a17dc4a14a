"""The command line: quick help, every option explained, usage errors in one line."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from collector.arguments import parse, parser, request_of
from collector.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.process
def test_help_explains_every_option_and_starts_no_tensorflow() -> None:
    script = (
        "import sys; from collector.cli import main\n"
        "try: main(['--help'])\n"
        "finally: assert not {'tensorflow', 'keras', 'scipy', 'dash'} & set(sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    for action in parser()._actions:
        assert action.help or not action.option_strings
        assert all(option in result.stdout for option in action.option_strings)
    for group in ("what to run", "how to run it", "what to store", "examples", "exit codes"):
        assert group in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["--batch-size", "0"],
        ["--batch-size", "two"],
        ["--limit", "-3"],
        ["--pace", "0"],
        ["--pace", "nan"],
        ["--pixel-range", "0-7"],
        ["--feature-maps", "some"],
        ["--value-range", "1"],
        ["--value-range", "-1"],
        ["--value-range", "4095,0"],
        ["--reading", "tensorflow"],
        ["--first", "0"],
        ["--limit", "3", "--first", "3"],
        ["--classes", ""],
        ["--feature-maps", "last:0"],
        ["--store", " "],
        ["--unknown"],
        ["pictures/"],
        ["rebuild"],
    ],
)
def test_usage_errors_are_one_line_and_exit_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("python -m collector")
    assert written.err.count("\n") == 1


def test_options_become_a_request() -> None:
    words = "--model m.keras --images x --pixel-range -1-1 --batch-size 8 --limit 9 --pace 2.5 "
    words += (
        "--name n --store s.db --feature-maps last:07 --resume 3 --durable --experiment e --epoch 4"
    )
    request = request_of(parse(words.split()))
    assert (request.model, request.images, request.pixel_range) == ("m.keras", "x", "-1-1")
    assert (request.batch_size, request.limit, request.pace) == (8, 9, 2.5)
    assert (request.name, request.store, request.feature_maps) == ("n", "s.db", "last:7")
    assert (request.resume, request.durable) == ("3", True)
    assert (request.experiment, request.epoch) == ("e", 4)
    assert request.scores
    given = request_of(parse(["--no-scores", "--threshold", ".2,.7", "--exact", "--trusted"]))
    assert (given.scores, given.thresholds) == (False, (0.2, 0.7))
    assert (given.exact, given.trusted) == (True, True)
    # An option names the field that it fills in; names come from the file of --classes.
    names = {field.name for field in dataclasses.fields(request)}
    assert names - vars(parse([])).keys() == {"class_names"}


def test_how_images_are_read_becomes_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = "--value-range -1,1.0 --reading keras --first 5 --classes names.txt"
    request = request_of(parse(words.split()))
    assert (request.value_range, request.reading, request.first) == ("-1,1", "keras", 5)
    assert request.classes == str(tmp_path / "names.txt")
    for text, expected in (("-.5,.5", "-0.5,0.5"), ("0,4095", "0,4095"), ("-2, -1", "-2,-1")):
        assert request_of(parse(["--value-range", text])).value_range == expected
        assert parse(["train", "--value-range", text]).value_range == expected


def test_defaults() -> None:
    request = request_of(parse([]))
    assert request.store == "reactcnn.db"
    assert request.model_or_default == "vgg16-cifar10"
    assert request.images_or_default == "auto"
    assert request.batch_size_or_default == 1
    assert request.feature_maps_or_default == "last:1000"
    assert request.pixel_range_or_default == "0-255"
    assert parse(["rebuild", "4", "--store", "x.db"]).store == "x.db"
    assert parse(["--store", "x.db", "rebuild", "4"]).store == "x.db"
