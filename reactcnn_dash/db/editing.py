"""What people write on a run: its name, its note and its tags."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from reactcnn_dash.db import models
from reactcnn_dash.db.errors import EditRefused, RunBusy, RunNotFound
from reactcnn_dash.db.opening import saving
from reactcnn_dash.db.records import RunState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reactcnn_dash.db.address import StoreUrl

NAME_LENGTH = 200
TAG_LENGTH = 60
NOTE_LENGTH = 20_000


def edit_run(
    url: StoreUrl,
    run_id: int,
    *,
    name: str | None = None,
    note: str | None = None,
    tags: Sequence[str] | None = None,
    author: str | None = None,
) -> None:
    """Change a run's name, note or tags; what is None stays. A run may be collected meanwhile.

    Spaces around a name or tag are taken away, and of equal tags one is kept. The store says that
    ``author`` wrote what is changed, and of an unknown one that nobody is known to have.

    Raises:
        EditRefused: an empty name, or one of them is too long.
        RunNotFound: if the store has no such run.
        RunBusy: if the run is being deleted.
        StoreError: if the store is missing or cannot be written.
    """
    values: dict[str, Any] = {}
    if name is not None:
        values["name"] = _name(name)
    if note is not None:
        values["note"] = _within(note.strip(), NOTE_LENGTH, "a note")
    if tags is not None:
        values["tags"] = _tags(tags)
    if not values:
        return
    runs = models.runs
    with saving(url) as (connection, place):
        wanted = select(runs.c.state, runs.c.authors).where(runs.c.id == run_id)
        run = connection.execute(wanted).one_or_none()
        if run is None:
            raise RunNotFound(f"{place}: no run {run_id}")
        if run.state == RunState.DELETING:
            raise RunBusy(f"{place}: run {run_id} is being deleted: it takes no changes")
        authors = {what: who for what, who in run.authors.items() if what not in values}
        if author is not None:
            at = datetime.now(UTC).isoformat(timespec="seconds")
            authors |= {what: {"by": author, "at": at} for what in values}
        changed = {**values, "authors": authors}
        connection.execute(update(runs).where(runs.c.id == run_id).values(changed))


def _name(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise EditRefused("a run needs a name: type one")
    return _within(text, NAME_LENGTH, "a name")


def _tags(tags: Sequence[str]) -> list[str]:
    clean = (" ".join(tag.split()) for tag in tags)
    return list(dict.fromkeys(_within(tag, TAG_LENGTH, "a tag") for tag in clean if tag))


def _within(text: str, length: int, what: str) -> str:
    if len(text) > length:
        raise EditRefused(f"{what} has at most {length:,} characters: shorten it")
    if "\0" in text or not _is_unicode(text):
        raise EditRefused(f"{what} holds a character that no database stores: type it anew")
    return text


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
