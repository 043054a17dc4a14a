"""``python -m reactcnn_dash copy TO``: a store copied whole, while it is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from reactcnn_dash.commands.asking import bar, show
from reactcnn_dash.printing import write_out

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_DESCRIPTION = """\
Copy a store to a file of its own, whole, while collectors write it and pages show it. Copying the
file by other means leaves behind what stands in its -wal file. A run that is being collected is
interrupted in the copy, where it can be resumed.
"""


def add_parser(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command to the subcommands of a command line."""
    result = commands.add_parser(
        "copy",
        parents=list(parents),
        help="copy a store whole, even while it is written",
        description=_DESCRIPTION,
    )
    result.add_argument("to", metavar="TO", type=Path, help="the file to make")
    result.add_argument("--force", action="store_true", help="write over a file that exists")


def run(url: str, options: argparse.Namespace) -> int:
    """Copy the store; return the exit code.

    Raises:
        StoreError: there is no store, or one of the files cannot be read or written.
    """
    from reactcnn_dash.db import copy_store  # noqa: PLC0415 - --help needs no database

    with bar("page") as shown:

        def told(left: int, pages: int) -> None:
            shown.total = pages
            show(shown, pages - left)

        copy_store(url, options.to, force=options.force, progress=told)
    write_out(f"{options.to}\n")
    return 0
