"""Options that several commands take, and what texts stand for in any of them."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from collector.frameworks.scaling import PIXEL_RANGES, PREPROCESSES
from collector.images import CLASSES_BY_NAME, parse_value_range
from reactcnn_dash.vocabulary import READINGS

if TYPE_CHECKING:
    from collections.abc import Sequence


def add_reading(group: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add how images are read, and by which names their classes are known."""
    group.add_argument(
        "--classes",
        metavar="FILE",
        type=classes,
        help="names of the model's outputs in their order, a line a class, or imagenet for the "
        "1,000 classes of ImageNet, which come with the collector; folders are matched to "
        "them, and a class without a folder keeps its place (default: those in the model file, "
        "else the images' own)",
    )
    group.add_argument(
        "--reading",
        metavar="HOW",
        choices=READINGS,
        help="how pictures of a folder are read: pillow (upright, transparency on white, resized "
        "with antialiasing) or keras (exactly as keras.utils.image_dataset_from_directory does; "
        "JPEG, PNG, BMP and GIF) (default: pillow)",
    )
    group.add_argument(
        "--value-range",
        metavar="LOW,HIGH",
        type=value_range,
        help="the values that are black and white in an array or in grey pictures, such as 0,4095 "
        "or -1,1 (default: judged by the values, refused if they can be read in several ways)",
    )


def add_scaling(group: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add what is done to pixel values before the model is given them."""
    scaling = group.add_mutually_exclusive_group()
    scaling.add_argument(
        "--pixel-range",
        metavar="RANGE",
        choices=tuple(PIXEL_RANGES),
        help="what the model wants pixel values to be: 0-255, 0-1 or -1-1; a model that rescales "
        "them itself wants 0-255 (default: 0-255)",
    )
    scaling.add_argument(
        "--preprocess",
        metavar="HOW",
        choices=tuple(PREPROCESSES),
        help="what is done to pixel values instead: imagenet (brought to 0-1, less "
        "ImageNet's mean, divided by its standard deviation, as torchvision does), or the module "
        "whose preprocess_input the model was trained with, such as keras.applications.resnet or "
        "keras.applications.vgg16 (default: what --pixel-range says)",
    )


def add_custom(group: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add the code that a model of Keras needs."""
    group.add_argument(
        "--custom",
        metavar="FILE",
        type=path,
        help="Python file that registers or defines layers of your own that a .keras file needs; "
        "it is run, so only give one that you trust (default: none, and a model that needs code is "
        "refused)",
    )


def with_joined_range(argv: Sequence[str]) -> list[str]:
    """Return a command line in which ranges that begin with a sign are not taken for options."""
    joined: list[str] = []
    for word in argv:
        last = joined[-1] if joined else ""
        if (last == "--pixel-range" and word in PIXEL_RANGES) or (
            last == "--value-range" and re.match(r"-[0-9.]", word)
        ):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def text(word: str) -> str:
    """Return a text that is not empty."""
    if not word.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return word


def path(word: str) -> str:
    """Return a whole path."""
    return str(Path(text(word)).expanduser().resolve())


def classes(word: str) -> str:
    """Return what names classes: a known set of them, or a path."""
    return word if word in CLASSES_BY_NAME else path(word)


def value_range(word: str) -> str:
    """Return a range of values as it is always written."""
    try:
        return str(parse_value_range(word))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def count(word: str) -> int:
    """Return a whole number above 0."""
    if not re.fullmatch(r"[0-9]{1,9}", word) or not int(word):
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number above 0")
    return int(word)


def rate(word: str) -> float:
    """Return a number above 0."""
    try:
        found = float(word)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(f"{word!r} is not a number above 0")
    return found


def size(word: str) -> tuple[int, int]:
    """Return a height and a width."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", word)
    if not match:
        raise argparse.ArgumentTypeError(f"{word!r} is not a height and a width such as 224x224")
    return int(match[1]), int(match[2])
