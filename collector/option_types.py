"""What the values of options are: each takes the text of one, and refuses what it cannot be.

They are types as ``argparse`` has them: its error says in one line what is wrong.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from collector.images import CLASSES_BY_NAME, parse_value_range


def text(given: str) -> str:
    """Take text with something in it."""
    if not given.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return given


def path(given: str) -> str:
    """Take a path; return it absolute."""
    return str(Path(text(given)).expanduser().resolve())


def classes(given: str) -> str:
    """Take what names classes: a file, or a list that comes with the collector."""
    return given if given in CLASSES_BY_NAME else path(given)


def value_range(given: str) -> str:
    """Take the values that are black and white, ``LOW,HIGH``."""
    try:
        return str(parse_value_range(given))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def size(given: str) -> tuple[int, int]:
    """Take height and width, ``HxW``."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", given)
    if not match:
        raise argparse.ArgumentTypeError(f"{given!r} is not a height and a width such as 224x224")
    return int(match[1]), int(match[2])


def count(given: str) -> int:
    """Take a whole number above 0."""
    if not re.fullmatch(r"[0-9]{1,9}", given) or not int(given):
        raise argparse.ArgumentTypeError(f"{given!r} is not a whole number above 0")
    return int(given)


def rate(given: str) -> float:
    """Take a number above 0."""
    try:
        number = float(given)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{given!r} is not a number above 0")
    return number


def thresholds(given: str) -> tuple[float, ...]:
    """Take numbers between 0 and 1, with commas between."""
    try:
        found = tuple(map(float, given.split(",")))
    except ValueError:
        found = ()
    if not found or not all(0 < one < 1 for one in found):
        raise argparse.ArgumentTypeError(f"{given!r} is not numbers between 0 and 1")
    return found


def feature_maps(given: str) -> str:
    """Take ``all``, ``none`` or ``last:N``."""
    if given in ("all", "none"):
        return given
    match = re.fullmatch(r"last:0*([1-9][0-9]{0,8})", given)
    if not match:
        raise argparse.ArgumentTypeError(f"{given!r} is none of all, none, last:N")
    return f"last:{match[1]}"
