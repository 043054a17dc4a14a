"""What the product says names only commands and options that exist, in Python and in JavaScript."""

from __future__ import annotations

import argparse
import ast
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from collector.arguments import parser as collector_parser
from reactcnn_dash.cli import parser as page_parser
from tests.benchmarks.__main__ import parser as bench_parser
from tests.test_cli import ROOT, options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAMS = {"collector": collector_parser(), "reactcnn_dash": page_parser()}
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMAND = re.compile(r"python -m (collector|reactcnn_dash)((?: +[\w./:=<>…~{}-]+)*)")
NOT_OURS = re.compile(r"var\(--[\w-]+|pip install( [^ .]+)*")
"""Variables of styles, and another program."""
SCRIPT = re.compile(
    r"""/\*.*?\*/|//[^\n]*|"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`""",
    re.DOTALL,
)
FILLED = "X"
"""Stands where a text has a value put in."""


def python_texts(path: Path) -> Iterator[str]:
    """Every string of a Python file, formatted ones with their values filled in."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            inside.update(id(part) for part in node.values)
            parts = [p.value if isinstance(p, ast.Constant) else FILLED for p in node.values]
            yield "".join(map(str, parts))
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in inside
        ):
            yield node.value


def script_texts(path: Path) -> Iterator[str]:
    """Every string of a script, but for names of CSS variables."""
    for found in SCRIPT.finditer(path.read_text(encoding="utf-8")):
        text = next((one for one in found.groups() if one is not None), "")
        text = re.sub(r"\$\{[^}]*\}", FILLED, text)
        yield re.sub(r"^--[\w-]+$", "", text)


@cache
def texts() -> list[tuple[str, str]]:
    """Every string of the product with the file that it stands in."""
    return list(_texts())


def _texts() -> Iterator[tuple[str, str]]:
    for folder in ("reactcnn_dash", "collector"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for text in python_texts(path):
                yield str(path.relative_to(ROOT)), text
    for path in sorted((ROOT / "reactcnn_dash/assets").rglob("*.mjs")):
        for text in script_texts(path):
            yield str(path.relative_to(ROOT)), text


def wrong_options(text: str) -> set[str]:
    """The options in a text that no command has."""
    parsers = (*PROGRAMS.values(), bench_parser())
    known = {
        one for parser in parsers for action in options(parser) for one in action.option_strings
    }
    return set(OPTION.findall(NOT_OURS.sub("", text))) - known


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """A program's commands by their names."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def wrong_commands(text: str) -> list[str]:
    """What is wrong with the command lines in a text."""
    wrong = []
    for program, rest in COMMAND.findall(text):
        parser: argparse.ArgumentParser = PROGRAMS[program]
        # The dot that ends a sentence is no part of a word.
        words = rest.rstrip(".").split()
        commands = commands_of(parser)
        if words and words[0] in commands:
            parser = commands[words.pop(0)]
        elif words and re.fullmatch(r"[a-z]+", words[0]):
            wrong.append(f"{program} has no command {words[0]}")
        known = {one for action in parser._actions for one in action.option_strings}
        named = {word.partition("=")[0] for word in words if word.startswith("--")}
        wrong += [f"python -m {program}{rest}: no {one}" for one in sorted(named - known)]
    return wrong


@pytest.mark.long
def test_every_text_names_only_options_that_exist() -> None:
    found = {(name, one) for name, text in texts() for one in wrong_options(text)}
    assert found == set()


def test_every_command_line_in_a_text_is_one_that_works() -> None:
    found = {(name, one) for name, text in texts() for one in wrong_commands(text)}
    assert found == set()


def test_the_texts_are_found() -> None:
    found = {text for _, text in texts()}
    assert "python -m collector --feature-maps all" in found
    assert any("python -m collector train" in text for text in found)
    assert any("python -m reactcnn_dash upgrade --store X" in text for text in found)
    assert any(text.endswith(" in this version.") for text in found)


@pytest.mark.parametrize(
    "text",
    [
        "python -m collector --checkpoint FILE",
        "python -m collector compare 1 2",
        "python -m reactcnn_dash --images sample",
        "Train with “python -m collector trane”, or not.",
        "python -m reactcnn_dash runs --open",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(text: str) -> None:
    assert wrong_commands(text) or wrong_options(text)


@pytest.mark.parametrize(
    "text", ["python -m collector --model FILE", "python -m reactcnn_dash compare 1 2 --store X"]
)
def test_a_command_that_exists_is_not(text: str) -> None:
    assert not wrong_commands(text)
    assert not wrong_options(text)
