"""Whether a layer's clusters hold: worked out from stored rows, and kept by the store."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from reactcnn_dash import analysis
from reactcnn_dash.db import Report, StoreError, StoreReader, save_report
from reactcnn_dash.jobs import process as background
from reactcnn_dash.results.freshness import fresh
from reactcnn_dash.results.redundancy.report import METHOD

if TYPE_CHECKING:
    from reactcnn_dash.db import Layer, Run

KIND = "stability"

MOST_ROWS = 4096
"""Images that are drawn from, taken evenly from all of a run."""

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Holding:
    """Whether a layer's clusters hold, when ``stored`` images of the run were there."""

    stored: int
    found: analysis.Stability


def stored_holding(
    reader: StoreReader, run: Run, position: int, threshold: float
) -> Holding | None:
    """Return what the store holds of a layer, if it is recent enough. A damaged one is none.

    Raises:
        StoreError: the store cannot be read.
    """
    found = reader.report(run.id, KIND, _key(position, threshold))
    if found is None or not fresh(run, found.images):
        return None
    try:
        values = json.loads(found.value)
        curve = tuple(analysis.CurvePoint(*point) for point in values["curve"])
        known = analysis.Stability(
            values["images"], tuple(values["bootstrap"]), curve, values["enough"]
        )
    except (ValueError, KeyError, TypeError):
        return None
    return Holding(found.images, known)


def computed_holding(url: str, run_id: int, position: int, threshold: float) -> Holding:
    """Return whether a layer's clusters hold, worked out and stored unless the store has it.

    A store that cannot be written to costs the stored copy, not the answer.

    Raises:
        RunNotFound: the run is not there.
        analysis.TooFewImages: fewer usable images than a correlation needs.
        StoreError: the store cannot be read.
    """
    reader = StoreReader(url)
    run = reader.run(run_id)
    known = stored_holding(reader, run, position, threshold)
    if known is not None:
        return known
    rows = _rows(reader, run, reader.layers(run.id)[position])
    total = analysis.stability_steps(len(rows))
    background.report(0, total)
    last: analysis.Stability | None = None
    with threadpool_limits(1, "blas"):
        for done, step in enumerate(analysis.stability(rows, METHOD, threshold), 1):
            background.report(done, total)
            last = step
    if last is None:
        raise analysis.TooFewImages(len(rows))
    holding = Holding(run.stored, last)
    value = dataclasses.asdict(last)
    value["curve"] = [list(dataclasses.astuple(point)) for point in last.curve]
    packed = json.dumps(value).encode()
    try:
        save_report(url, run_id, KIND, _key(position, threshold), Report(run.stored, packed))
    except StoreError:
        # A read-only or busy store: it is worked out again next time, nothing is lost.
        return holding
    return holding


def verdict(holding: Holding) -> str:
    """Return in a sentence whether the images of a run are enough."""
    enough, stored = holding.found.enough, holding.stored
    target = f"ARI {analysis.TARGET:g}"
    curve = holding.found.curve
    if not curve:
        return "Too few images to tell: collect at least 64."
    if enough is None:
        reached = curve[-1]
        return (
            f"Not settled: two samples of {reached.images:,} images agree by ARI "
            f"{reached.agreement:.2f}, and more images have not brought them closer."
        )
    if enough <= stored:
        beyond = "" if enough <= curve[-1].images else "would "
        return f"Enough: two samples of {enough:,} images {beyond}agree by {target}."
    return (
        f"Collect about {_two_digits(enough - stored):,} more images: two samples of "
        f"{enough:,} would agree by {target}."
    )


def _two_digits(count: int) -> int:
    step: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step


def _rows(reader: StoreReader, run: Run, layer: Layer) -> np.ndarray:
    count = min(MOST_ROWS, run.stored)
    ordinals = np.linspace(0, run.stored - 1, count).astype(int).tolist() if count else []
    blocks = [
        reader.gap_rows_of(run.id, ordinals[start : start + _BLOCK], layer).rows
        for start in range(0, len(ordinals), _BLOCK)
    ]
    return np.concatenate(blocks) if blocks else np.empty((0, layer.filters), np.float32)


def _key(position: int, threshold: float) -> str:
    return f"{position}:{threshold:g}"
