"""What both programs print: text that tells a terminal nothing but to show it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO

from reactcnn_dash.errors import OUTPUT, UserError

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

_UNPRINTABLE: Final = "\N{REPLACEMENT CHARACTER}"


class OutputLost(UserError):
    """Standard output takes nothing; the text is empty where its reader has merely left."""

    exit_code = OUTPUT


def one_line(text: str) -> str:
    """Return a name, or anything that somebody wrote, as a part of a line.

    What is not shown as it stands is replaced: what moves the cursor or sets a colour, ends the
    line, or turns the direction of what follows.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _UNPRINTABLE for one in text)


def printable(text: str) -> str:
    """Return lines likewise; only their ends stay."""
    return "\n".join(map(one_line, text.split("\n")))


def as_json(value: Any) -> str:
    """Return lines of JSON that can be read; what is not shown as it stands is escaped.

    Raises:
        ValueError: a number in it is not finite.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return "".join(
        f"{line if line.isprintable() else ''.join(map(_escaped, line))}\n"
        for line in text.split("\n")
    )


def aligned(rows: Sequence[Sequence[str]], left: Container[int] = (0,)) -> list[str]:
    """Return rows of cells as lines of a table; the columns ``left`` begin together, others end."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _escaped(letter: str) -> str:
    return letter if letter.isprintable() else json.dumps(letter)[1:-1]


def write_out(text: str) -> None:
    """Write lines to standard output, and have them leave.

    Raises:
        OutputLost: they cannot.
    """
    stream: TextIO | None = sys.stdout
    if stream is None:
        raise OutputLost("standard output is closed: nothing can be printed.")
    try:
        stream.write(_in_its_letters(stream, printable(text)))
        stream.flush()
    except BrokenPipeError as error:
        _leave_it()
        raise OutputLost from error
    except OSError as error:
        _leave_it()
        reason = error.strerror or str(error)
        raise OutputLost(f"standard output cannot be written: {reason}.") from error


def _in_its_letters(stream: TextIO, text: str) -> str:
    """Return text with a question mark for what a terminal's encoding does not have."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _leave_it() -> None:
    """Let what is still to be written go nowhere: Python would try it again as it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def write_error(text: str) -> None:
    """Write a line to standard error; a closed terminal takes none."""
    stream: TextIO | None = sys.stderr
    if stream is None:
        return
    with contextlib.suppress(OSError):
        stream.write(_in_its_letters(stream, f"{printable(text)}\n"))
        stream.flush()
