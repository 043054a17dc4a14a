"""How runs are called where one is picked, by what tells them apart; and what names a filter."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from reactcnn_dash.db import Run
from reactcnn_dash.results.text import percent_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reactcnn_dash.db import RunSummary

    Listed = Run | RunSummary

SHORT = 7
"""Characters of the hash of a run's weights."""


def filter_address(layer: str, filter_: int) -> str:
    """Return what names a filter on pages, in links and in reports; scripts have the same."""
    return f"{layer}:{filter_}"


def column_name(layer: str, filter_: int) -> str:
    """Return what names a filter in graphs and tables that are exported: others read these."""
    return f"{layer}/{filter_}"


def run_labels(runs: Sequence[Listed]) -> list[str]:
    """Return how each run of a list is called: number, name, accuracy, what differs, and when.

    Of runs that share a name that is said in which they differ: the hash of their weights, their
    images, or how many there are.
    """
    namesakes: defaultdict[str, list[Listed]] = defaultdict(list)
    for run in runs:
        namesakes[_name(run)].append(run)
    return [_label(run, namesakes[_name(run)]) for run in runs]


def _label(run: Listed, namesakes: Sequence[Listed]) -> str:
    parts = [f"#{run.id}", _name(run)]
    tellers: tuple[Callable[[Listed], str], ...] = (
        lambda one: _sha256(one)[:SHORT],
        lambda one: one.image_source,
        lambda one: f"{one.stored:,} images",
    )
    parts += [tell(run) for tell in tellers if len({tell(one) for one in namesakes}) > 1]
    if run.labelled:
        parts.append(f"{percent_text(run.correct / run.labelled)} right")
    if run.mean_error is not None:
        parts.append(f"off by {run.mean_error:.4g}")
    parts.append(run.created_at.astimezone().strftime("%d %b %H:%M"))
    return " · ".join(parts)


def _name(run: Listed) -> str:
    """Return the name with the epoch, where the name does not say it."""
    if run.epoch is None or f"epoch {run.epoch}" in run.name:
        return run.name
    return f"{run.name} · epoch {run.epoch}"


def _sha256(run: Listed) -> str:
    return run.checkpoint.sha256 if isinstance(run, Run) else run.sha256
