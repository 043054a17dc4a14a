"""``python -m reactcnn_dash redundancy RUN``: which filters could go, as a table or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactcnn_dash.analysis import REDUNDANT
from reactcnn_dash.printing import write_out

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from reactcnn_dash.results.redundancy.report import RedundancyReport

_HEAD = (
    *("layer", "filters", "dead", "constant", "r>0.9", "r>0.95", "eff. rank"),
    *("clusters", "could go", "confirmed"),
)


def add_parser(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command to the subcommands of a command line."""
    result = commands.add_parser(
        "redundancy",
        parents=list(parents),
        help="say which filters of a run's network are redundant",
        description="Say which filters of a run's network are redundant: clusters whose GAP values "
        "correlate above the threshold on average, and the filters whose feature maps the others "
        "explain by as much (R², on images that were not fitted): those are confirmed.",
    )
    result.add_argument("run", metavar="RUN", help="its id, UUID or name")
    result.add_argument(
        "--threshold",
        type=float,
        default=REDUNDANT.default,
        metavar="TAU",
        help="correlation from which on filters count as redundant, "
        f"{REDUNDANT.minimum:g} to {REDUNDANT.maximum:g} (default: {REDUNDANT.default:g})",
    )
    result.add_argument(
        "--json",
        action="store_true",
        help="print every cluster with its addresses and evidence, for a script",
    )


def run(url: str, options: argparse.Namespace) -> int:
    """Print the report; return the exit code.

    Raises:
        UnknownMethod: a threshold out of its range.
        analysis.TooFewImages: too few images.
        StoreError: the run is not there, or the store cannot be read.
    """
    # Here and not above: the command line must answer --help at once.
    from reactcnn_dash.db import StoreReader  # noqa: PLC0415
    from reactcnn_dash.results.redundancy.document import exported  # noqa: PLC0415
    from reactcnn_dash.results.redundancy.report import checked_threshold  # noqa: PLC0415
    from reactcnn_dash.results.redundancy.stored import computed_report  # noqa: PLC0415

    threshold = checked_threshold(options.threshold)
    found = StoreReader(url).run(options.run)
    report = computed_report(url, found.id, threshold)
    if options.json:
        write_out(exported(report, found))
    else:
        write_out(as_text(report))
    return 0


def as_text(report: RedundancyReport) -> str:
    """Return a report as a table, a row a layer, and in a sentence."""
    from reactcnn_dash.results.redundancy.report import summary  # noqa: PLC0415 - as in `run`

    rows: list[tuple[str, ...]] = [_HEAD]
    for layer in report.layers:
        one = layer.row
        counts = (one.filters, one.dead, one.constant, one.pairs_90, one.pairs_95)
        after = (len(layer.clusters), one.could_go, layer.confirmed)
        rows.append(
            (
                layer.name,
                *(f"{count:,}" for count in counts),
                f"{one.effective_rank:.1f}",
                *(f"{count:,}" for count in after),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    ]
    images = report.explained_images
    maps = f"the feature maps of {images:,} of them" if images else "no maps"
    lines += [
        "",
        f"{report.images:,} images and {maps}; clusters of r ≥ {report.threshold:g} on average.",
        summary(report),
    ]
    return "\n".join(lines) + "\n"
