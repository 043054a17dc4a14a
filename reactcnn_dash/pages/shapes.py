"""What every page may be sent; each page's own shapes stand in its folder.

``tools/generate.py`` makes types for the scripts of these.
"""

from __future__ import annotations

from typing import TypedDict

from reactcnn_dash.pages.empty import Empty, Nothing
from reactcnn_dash.pages.json_routes import Refused, Running

__all__ = [
    "ByClass",
    "Empty",
    "Listed",
    "Nothing",
    "OfLabel",
    "Option",
    "Refused",
    "Report",
    "Running",
]


class Option(TypedDict):
    """An entry of a list to pick from."""

    value: str
    label: str


class Listed(TypedDict):
    """What can be picked."""

    runs: list[Option]


class OfLabel(TypedDict):
    """What became of a label, in images of which it is known whether it is right.

    ``label`` is its number, −1 for all together; ``precision``, ``recall`` and ``f1`` are None
    where no image tells.
    """

    label: int
    hits: int
    extra: int
    missed: int
    precision: float | None
    recall: float | None
    f1: float | None


class Report(TypedDict):
    """A report: the name of its file, and the file."""

    name: str
    html: str


class ByClass(TypedDict):
    """What the labelled images of a run were taken for.

    ``why`` says in a line why nothing is known. ``counts`` has a row a class and a column a class,
    with one more for no answer; it is empty where there are many classes. ``worst`` are the most
    frequent confusions: label, answer and images. ``classes`` are those that have images: number,
    images, how many are right, and the ends of the share's 95 % interval. ``unanswered`` counts the
    run's images without an answer, labelled or not. Where images may have several labels,
    ``labels`` are these instead, and ``together`` all of them; of the ``labelled`` images every
    label is right in ``right``.
    """

    run: int
    names: list[str]
    why: str | None
    counts: list[list[int]]
    worst: list[tuple[int, int, int]]
    classes: list[tuple[int, int, int, float, float]]
    unanswered: int
    labels: list[OfLabel]
    together: OfLabel
    labelled: int
    right: int
