"""``python -m reactcnn_dash compare A B``: two runs compared, as a table or as JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add_parser(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command to the subcommands of a command line."""
    result = commands.add_parser(
        "compare",
        parents=list(parents),
        help="compare two runs over the images that they have in common",
        description="Compare two runs over the images that they have in common, recognised by "
        "their pixels: accuracy, changed predictions, and how alike each layer is.",
    )
    result.add_argument("a", metavar="A", help="the first run: its number, UUID or name")
    result.add_argument("b", metavar="B", help="the second run, likewise")
    result.add_argument(
        "--json", action="store_true", help="print everything as JSON instead of a table"
    )


def run(url: str, options: argparse.Namespace) -> int:
    """Compare two runs and print the result; return the exit code: 0, or 1 if they do not compare.

    Raises:
        StoreError: a run is not there, or the store cannot be read.
        ValueError: the runs do not compare; only where ``--debug`` asks for the traceback.
    """
    # Here and not above: the command line must answer --help at once.
    from reactcnn_dash import comparing, comparison_report  # noqa: PLC0415
    from reactcnn_dash.analysis import TooFewImages  # noqa: PLC0415
    from reactcnn_dash.db import StoreReader  # noqa: PLC0415

    try:
        found = comparing.compare(StoreReader(url), options.a, options.b)
    except (comparing.NotComparable, TooFewImages) as error:
        if getattr(options, "debug", False):
            raise
        sys.stderr.write(f"reactcnn_dash: {error}\n")
        return 1
    if options.json:
        sys.stdout.write(f"{comparison_report.as_json(found)}\n")
    else:
        sys.stdout.write(comparison_report.as_text(found))
    return 0
