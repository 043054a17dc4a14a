"""``python -m reactcnn_dash move FROM TO [RUN…]``: runs moved from one store to another."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING, Any

from reactcnn_dash.commands.asking import bar
from reactcnn_dash.errors import DONE, STORE, WrongUsage
from reactcnn_dash.printing import one_line, write_error, write_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reactcnn_dash.db import Move

_DESCRIPTION = """\
Move runs with all that belongs to them from one store to another: from a SQLite file into
PostgreSQL, back again, or between two of a kind. A run is deleted from FROM once it has arrived
in TO and every row of it there was read again and has the same SHA-256. A move that was cut short
goes on where it stopped when it is asked for again; a run that is being collected stays where it
is. Runs get the next numbers of their new store and keep their UUID, name, note, tags and times;
comparisons go along when both of their runs do.
"""

_EPILOG = """\
examples:
  python -m reactcnn_dash move reactcnn.db postgresql://ann@db.lab/cnn      every run
  python -m reactcnn_dash move reactcnn.db postgresql://ann@db.lab/cnn 3 7  two of them
  python -m reactcnn_dash move --keep postgresql://ann@db.lab/cnn mine.db vgg16
                                                                  a copy to take along

Passwords: PGPASSWORD or ~/.pgpass keep them out of sight.
"""


def add_parser(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command to the subcommands of a command line."""
    result = commands.add_parser(
        "move",
        parents=list(parents),
        help="move runs to another store: a file, or PostgreSQL",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("source", metavar="FROM", help="file or URL of the store they are in")
    result.add_argument(
        "target", metavar="TO", help="where they go; a file is made, a database must be there"
    )
    result.add_argument(
        "runs", metavar="RUN", nargs="*", help="a run: its id, UUID or name (default: every run)"
    )
    result.add_argument(
        "--keep", action="store_true", help="leave the runs in FROM as well, where they are"
    )


def run(_url: str, options: argparse.Namespace) -> int:
    """Move the runs; return the exit code.

    Raises:
        WrongUsage: ``--store`` was given.
        StoreError: a store cannot be used, or a run does not arrive as it was.
    """
    if hasattr(options, "store"):
        raise WrongUsage("move names both of its stores: FROM and TO, without --store")
    from reactcnn_dash.db import Move, normalise_url  # noqa: PLC0415 - --help needs none of these

    stores = (normalise_url(one) for one in (options.source, options.target))
    with closing(Move(*stores)) as move:
        return _move(move, options.runs, keep=options.keep)


def _move(move: Move, refs: Sequence[str], *, keep: bool) -> int:
    from reactcnn_dash.db import RunBusy  # noqa: PLC0415 - --help needs no database

    wanted = move.runs(refs)
    moved, busy = [], []
    # Each image is copied, and read again.
    total = 2 * sum(row.stored for row in wanted)
    with bar("image", total) as shown:
        for row in wanted:
            try:
                moved.append(move.copy(row, shown.update))
            except RunBusy as error:
                # Whoever names a run means that one; of all, the others go.
                if refs:
                    raise
                busy.append(str(error))
    move.carry_results(moved)
    for one in moved:
        if not keep:
            move.leave(one)
        write_out(
            f"run {one.run_id} ({one_line(one.name)}) is run {one.here} now: {one.images:,} "
            f"images, sha256 {one.sha256}\n"
        )
    for text in busy:
        write_error(text)
    return STORE if busy else DONE
