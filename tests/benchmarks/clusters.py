"""What clustering finds in a stored run, by method and parameter: the table of docs/concepts.md.

    python -m tests.benchmarks.clusters reactcnn.db

For each method and parameter, means over the layers of the newest run: clusters of two or more
filters and the share of filters in them, mean and lowest r inside, and the agreement (adjusted Rand
index) of clusterings from the even and from the odd images.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import adjusted_rand_score

from reactcnn_dash.analysis import CoMoments, cluster, correlation, default_parameter, summarise
from reactcnn_dash.db import StoreReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHOICES: tuple[tuple[str, float | None], ...] = (
    ("louvain", 1.0),
    ("louvain", 1.5),
    ("louvain", 2.0),
    ("louvain", None),
    ("leiden-cpm", 0.5),
    ("leiden-cpm", 0.7),
    ("leiden-cpm", 0.8),
)


@dataclass(frozen=True, slots=True)
class Found:
    """One layer's clusters by one method."""

    clusters: int
    share: float
    mean_r: float
    lowest_r: float
    agreement: float


def measure(rows: NDArray[np.float32], method: str, parameter: float | None) -> Found:
    """Cluster a layer's ``(n, F)`` GAP rows, whole and by halves."""
    whole = correlation(CoMoments.of(rows))
    value = default_parameter(whole, method) if parameter is None else parameter
    labels = cluster(whole, method, value)
    halves = [cluster(correlation(CoMoments.of(rows[start::2])), method, value) for start in (0, 1)]
    groups = [s for s in summarise(labels, whole.r) if s.size > 1]
    weights = [s.size * (s.size - 1) for s in groups]
    return Found(
        clusters=len(groups),
        share=sum(s.size for s in groups) / rows.shape[1],
        mean_r=float(np.average([s.mean_r or 0.0 for s in groups], weights=weights))
        if groups
        else math.nan,
        lowest_r=min((s.lowest_r or 0.0 for s in groups), default=math.nan),
        agreement=float(adjusted_rand_score(*halves)),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.clusters",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("store", help="a store; its newest run is read")
    reader = StoreReader(parser.parse_args().store)
    run = reader.latest_run()
    if run is None:
        sys.exit("The store has no run.")
    print_ = sys.stdout.write
    print_(f"{run.name}, {run.stored:,} images\n\n")
    print_("| method | clusters of ≥ 2 | filters in them | mean r | lowest r | halves agree |\n")
    print_("| --- | --- | --- | --- | --- | --- |\n")
    layers = [reader.gap_rows(run.id, 0, run.stored, layer) for layer in reader.layers(run.id)]
    for method, parameter in CHOICES:
        found = [measure(rows, method, parameter) for rows in layers]
        symbol = "γ" if method == "louvain" else "τ"
        name = f"{method}, {symbol} = {'auto' if parameter is None else parameter}"
        columns = [
            f"{statistics.mean(one.clusters for one in found):.0f}",
            f"{statistics.mean(one.share for one in found):.0%}",
            f"{np.nanmean([one.mean_r for one in found]):.2f}",
            f"{np.nanmean([one.lowest_r for one in found]):.2f}",
            f"{statistics.mean(one.agreement for one in found):.2f}",
        ]
        print_("| " + " | ".join([name, *columns]) + " |\n")


if __name__ == "__main__":
    main()
