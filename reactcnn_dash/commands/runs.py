"""``python -m reactcnn_dash runs``: the runs of a store, as a table or as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from reactcnn_dash.errors import DONE, STORE
from reactcnn_dash.printing import aligned, as_json, one_line, write_error, write_out
from reactcnn_dash.results.text import duration_text, percent_text, size_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from reactcnn_dash.results.runs import RunRow

_LONGEST = 32
_END = 12
_HEADINGS = (
    "ID", "NAME", "MODEL", "EPOCH", "SOURCE", "IMAGES", "RIGHT", "PRECISION", "STATE", "STARTED",
    "TOOK", "SIZE", "TAGS",
)  # fmt: skip
_RIGHT = frozenset(("ID", "EPOCH", "IMAGES", "RIGHT", "TOOK", "SIZE"))
_LEFT = frozenset(i for i, heading in enumerate(_HEADINGS) if heading not in _RIGHT)


def add_parser(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command to the subcommands of a command line."""
    result = commands.add_parser(
        "runs",
        parents=list(parents),
        help="list the runs of a store, the newest first",
        description="List the runs of a store, the newest first: what the page Runs shows.",
    )
    result.add_argument(
        "--json", action="store_true", help="print everything as JSON instead of a table"
    )


def run(url: str, options: argparse.Namespace) -> int:
    """Print the runs; return the exit code, which tells of damaged ones that are left out.

    Raises:
        StoreError: the store cannot be read.
    """
    from reactcnn_dash.db import RunState, StoreReader  # noqa: PLC0415 - --help needs no database
    from reactcnn_dash.results.runs import row_of  # noqa: PLC0415

    reader = StoreReader(url)
    listing = reader.listing(certain=True)
    found = listing.runs
    rows = [row_of(one) for one in found]
    if options.json:
        write_out(as_json(rows))
    elif rows:
        lines = aligned([_HEADINGS, *(_cells(row) for row in rows)], _LEFT)
        write_out("\n".join([*lines, ""]))
    elif not listing.damaged:
        write_out("No run yet: python -m collector --store " + url + "\n")
    # Where there is less than expected: nothing, or a run whose collector is gone.
    if not found or any(one.state is RunState.STALLED for one in found):
        lacking = reader.lacks_log()
        if lacking is not None:
            write_error(lacking)
    for line in listing.damaged:
        write_error(line)
    return STORE if listing.damaged else DONE


def _cells(row: RunRow) -> tuple[str, ...]:
    known = row["total"] is None or row["total"] == row["stored"]
    images = f"{row['stored']:,}" if known else f"{row['stored']:,} of {row['total']:,}"
    started = datetime.fromisoformat(row["started"]).astimezone()
    return (
        str(row["id"]),
        _short(row["name"]),
        f"{_short(row['model'])} {row['sha256'][:7]}",
        "" if row["epoch"] is None else str(row["epoch"]),
        _short(row["source"]),
        images,
        _right(row),
        row["precision"],
        row["state"],
        f"{started:%Y-%m-%d %H:%M}",
        duration_text(row["seconds"]),
        size_text(row["bytes"]),
        ", ".join(_short(tag) for tag in row["tags"]),
    )


def _right(row: RunRow) -> str:
    """Return the share that is right, or the mean absolute error of a network of values."""
    if row["error"] is not None:
        return f"± {row['error']:.4g}"
    return "" if row["accuracy"] is None else percent_text(row["accuracy"])


def _short(text: str) -> str:
    text = one_line(text)
    # Names differ at their ends: "… · epoch 3".
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - _END - 1]}…{text[-_END:]}"
