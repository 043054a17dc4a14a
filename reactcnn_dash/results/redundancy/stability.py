"""Whether a layer's clusters hold: worked out from stored rows, and kept by the store."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from threadpoolctl import threadpool_limits

from reactcnn_dash import analysis
from reactcnn_dash.db import StoreReader
from reactcnn_dash.jobs.worker import report_progress
from reactcnn_dash.results.redundancy.report import METHOD
from reactcnn_dash.results.stored import StoredKind

if TYPE_CHECKING:
    from reactcnn_dash.db import Layer, Run

MOST_ROWS = 4096
"""Images that are drawn from, taken evenly from all of a run."""

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class LayerStability:
    """Whether a layer's clusters hold, when ``stored`` images of the run were there."""

    stored: int
    found: analysis.Stability


def computed_stability(url: str, run_id: int, position: int, threshold: float) -> LayerStability:
    """Return whether a layer's clusters hold, worked out and stored unless the store has it.

    Raises:
        RunNotFound: the run is not there.
        analysis.TooFewImages: fewer usable images than a correlation needs.
        StoreError: the store cannot be read.
    """
    reader = StoreReader(url)
    run = reader.run(run_id)

    def compute() -> LayerStability:
        rows = _rows(reader, run, reader.layers(run.id)[position])
        total = analysis.stability_steps(len(rows))
        report_progress(0, total)
        last: analysis.Stability | None = None
        with threadpool_limits(1, "blas"):
            for done, step in enumerate(analysis.stability(rows, METHOD, threshold), 1):
                report_progress(done, total)
                last = step
        if last is None:
            raise analysis.TooFewImages(len(rows))
        return LayerStability(run.stored, last)

    settings = stability_settings(position, threshold)
    return STABILITY.found_or_computed(url, reader, run, settings, compute)


def _pack(known: LayerStability) -> bytes:
    value = dataclasses.asdict(known.found)
    value["curve"] = [list(dataclasses.astuple(point)) for point in known.found.curve]
    return json.dumps(value).encode()


def _unpack(data: bytes, stored: int) -> LayerStability:
    values = json.loads(data)
    curve = tuple(analysis.CurvePoint(*point) for point in values["curve"])
    found = analysis.Stability(
        values["images"], tuple(values["bootstrap"]), curve, values["enough"]
    )
    return LayerStability(stored, found)


STABILITY: Final = StoredKind("stability", lambda known: known.stored, _pack, _unpack)


def stability_settings(position: int, threshold: float) -> str:
    """Return what names a layer's stability at a threshold in the store."""
    return f"{position}:{threshold:g}"


def verdict(known: LayerStability) -> str:
    """Return in a sentence whether the images of a run are enough."""
    enough, stored = known.found.enough, known.stored
    target = f"ARI {analysis.TARGET:g}"
    curve = known.found.curve
    # One point tells nothing of what more images bring.
    if len(curve) < 2:
        return f"Too few images to tell: collect at least {2 * analysis.FEW_IMAGES}."
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
