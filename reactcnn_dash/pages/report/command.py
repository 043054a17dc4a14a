"""``python -m reactcnn_dash report RUN``: a run, or two, as one file to send."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from reactcnn_dash.analysis import REDUNDANT
from reactcnn_dash.printing import write_out

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add_parser(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command to the subcommands of a command line."""
    result = commands.add_parser(
        "report",
        parents=list(parents),
        help="write a run, or two side by side, as one HTML file to send",
        description="Write a run as one HTML file that needs neither server nor network: images "
        "with the answers of all filters, what was taken for what, clusters of layers, redundant "
        "filters and odd images. Of two runs over the same images: what changed between them.",
    )
    result.add_argument("run", metavar="RUN", help="its id, UUID or name")
    result.add_argument("other", metavar="OTHER", nargs="?", help="a run to compare it with")
    result.add_argument(
        "--output", type=Path, metavar="FILE", help="the file to make (default: named by the run)"
    )
    result.add_argument("--force", action="store_true", help="write over a file that exists")


def run(url: str, options: argparse.Namespace) -> int:
    """Write the report and name its file; return the exit code.

    Raises:
        ExportError: the file is there, or cannot be written.
        UserError: the runs cannot be reported.
    """
    # Here and not above: the command line must answer --help at once.
    from reactcnn_dash.db import StoreReader  # noqa: PLC0415
    from reactcnn_dash.export import ExportError  # noqa: PLC0415
    from reactcnn_dash.pages.report.making import report, report_name  # noqa: PLC0415

    reader = StoreReader(url)
    asked = [options.run] if options.other is None else [options.run, options.other]
    runs = tuple(reader.run(one).id for one in asked)
    path: Path = options.output or Path(report_name(reader, runs))
    if path.exists() and not options.force:
        raise ExportError(f"{path} exists: name another file, or give --force to write over it.")
    if not path.parent.is_dir():
        raise ExportError(f"{path}: there is no folder {path.parent}. Make it first.")
    text = report(url, runs, REDUNDANT.key, None)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        raise ExportError(f"{path} cannot be written: {reason}.") from error
    write_out(f"{path}\n")
    return 0
