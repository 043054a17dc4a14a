"""``python -m reactcnn_dash compare A B``: two runs compared, as a table or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactcnn_dash.analysis import METHODS, REDUNDANT, method_of
from reactcnn_dash.printing import as_json, write_out

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def parameters_in_words() -> str:
    """Return what each method's parameter is: "the threshold of leiden-cpm, …"."""
    return ", ".join(f"the {one.parameter} {one.symbol} of {one.key}" for one in METHODS.values())


def add_parser(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command to the subcommands of a command line."""
    result = commands.add_parser(
        "compare",
        parents=list(parents),
        help="compare two runs over the images that they have in common",
        description="Compare two runs over the images that they have in common, recognised by "
        "their pixels: accuracy, changed predictions, and how alike each layer is.",
    )
    result.add_argument("a", metavar="A", help="the first run: its id, UUID or name")
    result.add_argument("b", metavar="B", help="the second run, likewise")
    result.add_argument(
        "--method",
        default=REDUNDANT.key,
        metavar="NAME",
        help=f"how filters are clustered: {', '.join(METHODS)} (default: {REDUNDANT.key}: its "
        f"{REDUNDANT.parameter} is a correlation, so a cluster means the same in both runs)",
    )
    result.add_argument(
        "--parameter",
        type=float,
        metavar="X",
        help=f"the method's parameter: {parameters_in_words()} "
        "(default: the one that suits each layer)",
    )
    result.add_argument(
        "--json", action="store_true", help="print everything as JSON instead of a table"
    )


def run(url: str, options: argparse.Namespace) -> int:
    """Compare two runs, or take the stored comparison, and print it; return the exit code.

    Raises:
        StoreError: a run is not there, or the store cannot be read.
        NotComparable: the runs do not compare.
        UnknownMethod: no such method, or a parameter out of its range.
    """
    # Here and not above: the command line must answer --help at once.
    from reactcnn_dash.db import StoreReader  # noqa: PLC0415
    from reactcnn_dash.jobs.worker import Worker, cores  # noqa: PLC0415
    from reactcnn_dash.results.comparison.in_words import as_dict, as_text  # noqa: PLC0415
    from reactcnn_dash.results.comparison.stored import Pair, computed_comparison  # noqa: PLC0415

    method = method_of(options.method, options.parameter).key
    reader = StoreReader(url)
    a, b = reader.run(options.a).id, reader.run(options.b).id
    pair = Pair(a, b, method, options.parameter)
    with Worker() as worker:
        found = computed_comparison(url, pair, worker if cores() > 1 else None).found
    write_out(as_json(as_dict(found)) if options.json else as_text(found))
    return 0
