"""``python -m reactcnn_dash delete RUN``: a run deleted, and its space given back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from reactcnn_dash.errors import WrongUsage
from reactcnn_dash.printing import one_line, write_out
from reactcnn_dash.results.text import deleted_text, size_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from reactcnn_dash.db import Identity

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
    from tqdm import tqdm  # noqa: PLC0415 - --help needs none of these

    from reactcnn_dash.db import RunDeletion, StoreReader  # noqa: PLC0415

    found = StoreReader(url).identity(options.run)
    if not options.yes and not _confirmed(found):
        write_out("Nothing was deleted.\n")
        return 1
    # By its id: of two runs with one name, the one that was shown is meant.
    deletion = RunDeletion.begin(url, found.id)
    with tqdm(
        total=deletion.images, unit="image", file=sys.stderr, leave=False, disable=None
    ) as bar:
        done = deletion.finish(lambda left: _show(bar, deletion.images - left))
    write_out(f"{one_line(deleted_text(done, url))}\n")
    return 0


def _confirmed(found: Identity) -> bool:
    if not sys.stdin.isatty():
        raise WrongUsage("delete asks before it deletes, and nobody is there to answer: add --yes")
    write_out(
        f"Delete run {found.id} ({one_line(found.name)}): {found.stored:,} images, "
        f"{size_text(found.size)}? It cannot be brought back. [y/N] "
    )
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _show(bar: Any, done: int) -> None:
    bar.update(done - bar.n)
