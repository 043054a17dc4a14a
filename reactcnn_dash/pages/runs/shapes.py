"""What the runs page is sent and sends: the list of runs, what a person writes, deletions."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from reactcnn_dash.pages.shapes import Empty
from reactcnn_dash.results.runs import RunRow


class RunsRequest(TypedDict):
    """A look at the list: version and news of the last answer; ``now``: read the store again."""

    number: int
    version: int | None
    heard: int | None
    now: bool


class News(TypedDict):
    """What became of a deletion."""

    text: str
    failed: bool


class RunsAnswer(TypedDict):
    """What changed in the list; ``whole``: ``rows`` are all runs.

    ``asked`` is the request's number.
    """

    asked: NotRequired[int]
    heard: int
    news: list[News]
    deleting: list[int]
    version: NotRequired[int]
    whole: NotRequired[bool]
    rows: NotRequired[list[RunRow]]
    removed: NotRequired[list[int]]
    runs: NotRequired[int]
    notice: NotRequired[str]
    empty: NotRequired[Empty]


class RunEdit(TypedDict):
    """What a person wrote on a run."""

    id: int
    number: int
    name: NotRequired[str]
    note: NotRequired[str]
    tags: NotRequired[list[str]]


class RunEdited(TypedDict):
    """What became of an edit; ``notice`` says why it may not be."""

    id: int
    number: NotRequired[int]
    notice: NotRequired[str]


class Doomed(TypedDict):
    """Runs to delete."""

    number: int
    ids: list[int]


class Deleted(TypedDict):
    """Which runs may not be deleted, and why."""

    refused: list[str]
