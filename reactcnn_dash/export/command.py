"""The command ``export``, the same of ``python -m collector`` and ``python -m reactcnn_dash``.

Only argparse is imported with this module: what an export needs takes a second to load.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reactcnn_dash.export import FORMATS
from reactcnn_dash.printing import write_error, write_out

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_MOST_NAMED = 10
_DESCRIPTION = """\
Write a run as files that other tools read; NAME is the run's id and name.

  npz      NAME.npz: GAP matrix, addresses of its columns, labels, predictions, probabilities, and
           of each layer the correlation and the clusters
  parquet  NAME-gap.parquet, a column a filter named by its address (block4_conv2/137), and
           NAME-images.parquet
  graphml  NAME-LAYER.graphml: the cluster graph of each layer as the page draws it, the maximum
           spanning tree of every cluster
"""


def add_parser(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command to a parser's subcommands."""
    parser = commands.add_parser(
        "export",
        parents=parents,
        help="write a run as .npz, Parquet and GraphML",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", metavar="RUN", help="the run: its id, UUID or name")
    parser.add_argument(
        "--to",
        metavar="FOLDER",
        type=Path,
        default=Path(),
        help="where to write; made if it is missing (default: this folder)",
    )
    parser.add_argument(
        "--format",
        metavar="FORMATS",
        type=_formats,
        default=FORMATS,
        help=f"some of {', '.join(FORMATS)}, with commas between (default: all)",
    )
    parser.add_argument(
        "--layers",
        metavar="LAYERS",
        type=_names,
        help="only these layers, by name, with commas between (default: all)",
    )
    parser.add_argument("--force", action="store_true", help="write over files that exist")


def run(url: str, options: argparse.Namespace) -> int:
    """Export as the options say and name the files on stdout; return the exit code.

    Raises:
        ExportError: the files cannot be written.
        StoreError: the run is not there, or the store cannot be read.
    """
    from reactcnn_dash.export.files import export  # noqa: PLC0415
    from reactcnn_dash.store import Store  # noqa: PLC0415

    found = Store(url).run(options.run)
    files = export(
        found, options.to, options.format, layers=options.layers, force=options.force, bar=None
    )
    for path in files:
        write_out(f"{path}\n")
    if found.damaged:
        write_error(
            f"{len(found.damaged):,} of {found.info.stored:,} images have a damaged value in the "
            f"store, which is missing here (NaN): {_listed(found.damaged)}"
        )
    return 0


def _listed(ordinals: Collection[int]) -> str:
    first = ", ".join(str(one) for one in sorted(ordinals)[:_MOST_NAMED])
    return first if len(ordinals) <= _MOST_NAMED else f"{first} …"


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise argparse.ArgumentTypeError("must not be empty")
    return names


def _formats(text: str) -> tuple[str, ...]:
    names = _names(text)
    for name in names:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(FORMATS)}")
    return names
