"""``python -m reactcnn_dash prune RUN --keep …``: what is large of old images goes."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from reactcnn_dash.commands.asking import bar, confirmed, show
from reactcnn_dash.printing import one_line, write_out
from reactcnn_dash.results.text import pruned_text, size_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reactcnn_dash.db import PrunedPart

_DESCRIPTION = """\
Make a run smaller: drop feature maps, pixels or GAP rows of its older images, and give the space
back. Labels, answers and the correlation states stay, and with them clusters of the whole run,
search, accuracy and curves over epochs; so does what was worked out and stored before. What needs a
GAP row that is gone (deviations, top images, a new comparison, export) says that it was pruned. A
run that is being collected is refused; a pruning that was cut short goes on when it is asked for
again.
"""


def _keep(text: str) -> tuple[str, int]:
    match = re.fullmatch(r"(maps|pixels|gap):(\d{1,9})", text, re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is none of maps:N, pixels:N, gap:N")
    return match[1], int(match[2])


def add_parser(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command to the subcommands of a command line."""
    result = commands.add_parser(
        "prune",
        parents=list(parents),
        help="drop maps, pixels or GAP rows of a run's older images",
        description=_DESCRIPTION,
    )
    result.add_argument("run", metavar="RUN", help="the run: its id, UUID or name")
    result.add_argument(
        "--keep",
        nargs="+",
        required=True,
        type=_keep,
        metavar="WHAT:N",
        help="maps:N, pixels:N or gap:N: they stay of the newest N images, and go of the others; "
        "what is not named stays whole",
    )
    result.add_argument("--dry-run", action="store_true", help="say what would go, and stop")
    result.add_argument("--yes", action="store_true", help="do not ask")


def run(url: str, options: argparse.Namespace) -> int:
    """Prune a run once it is confirmed; return the exit code: 0, or 1 if it is kept as it is.

    Raises:
        WrongUsage: nobody can be asked, and ``--yes`` was not given.
        StoreError: the run is not there, is being collected, or the store cannot be written.
    """
    # --help needs no database.
    from reactcnn_dash.db import StoreReader, plan_pruning, prune_run  # noqa: PLC0415

    found, keep = StoreReader(url).run(options.run), dict(options.keep)
    parts = plan_pruning(url, found.id, keep)
    for part in parts:
        write_out(f"{_line(part)}\n")
    if options.dry_run:
        return 0
    if not sum(part.images for part in parts):
        write_out("There is nothing to prune.\n")
        return 0
    question = f"Prune run {found.id} ({one_line(found.name)})"
    if not options.yes and not confirmed(question, "prune asks before it prunes"):
        write_out("Nothing was pruned.\n")
        return 1
    with bar("image", sum(part.before for part in parts)) as shown:
        done = prune_run(url, found.id, keep, lambda seen: show(shown, seen))
    write_out(f"{one_line(pruned_text(done, url))}\n")
    return 0


_NAMES = {"maps": "feature maps", "pixels": "pixels", "gap": "GAP rows"}


def _line(part: PrunedPart) -> str:
    return f"{_NAMES[part.kind]} of {part.images:,} images go: {size_text(part.size)}"
