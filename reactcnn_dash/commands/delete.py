"""``python -m reactcnn_dash delete RUN``: a run deleted, and its space given back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactcnn_dash.commands.asking import bar, confirmed, show
from reactcnn_dash.printing import one_line, write_out
from reactcnn_dash.results.text import deleted_text, size_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_DESCRIPTION = """\
Delete a run with all its images, and give its space back to the file system. Other runs stay as
they are, and other processes may go on collecting them; a run that is being collected itself is
refused. A deletion that was cut short goes on when it is asked for again.
"""


def add_parser(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command to the subcommands of a command line."""
    result = commands.add_parser(
        "delete",
        parents=list(parents),
        help="delete a run and give its space back",
        description=_DESCRIPTION,
    )
    result.add_argument("run", metavar="RUN", help="the run: its id, UUID or name")
    result.add_argument("--yes", action="store_true", help="do not ask")


def run(url: str, options: argparse.Namespace) -> int:
    """Delete a run once it is confirmed; return the exit code: 0, or 1 if it is kept.

    Raises:
        WrongUsage: nobody can be asked, and ``--yes`` was not given.
        StoreError: the run is not there, is being collected, or the store cannot be written.
    """
    from reactcnn_dash.db import RunDeletion, StoreReader  # noqa: PLC0415 - --help needs no database

    found = StoreReader(url).identity(options.run)
    what = f"run {found.id} ({one_line(found.name)}): {found.stored:,} images"
    question = f"Delete {what}, {size_text(found.size)}"
    if not options.yes and not confirmed(question, "delete asks before it deletes"):
        write_out("Nothing was deleted.\n")
        return 1
    # By its id: of two runs with one name, the one that was shown is meant.
    deletion = RunDeletion.begin(url, found.id)
    with bar("image", deletion.images) as shown:
        done = deletion.finish(lambda left: show(shown, deletion.images - left))
    write_out(f"{one_line(deleted_text(done, url))}\n")
    return 0
