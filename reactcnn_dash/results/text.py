"""How pages and command line write sizes, shares, durations, and what a deletion did."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reactcnn_dash.db import Deleted, PrunedRun


def size_text(size: int) -> str:
    """Return a number of bytes as people read it: 1.2 GB, 340 MB, 12 KB."""
    if size < 1000:
        return f"{size} B"
    units = ("KB", "MB", "GB", "TB")
    value, unit = size / 1000, 0
    while value >= 999.5 and unit < len(units) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {units[unit]}" if value < 9.95 else f"{value:,.0f} {units[unit]}"


def percent_text(share: float | None, digits: int = 1) -> str:
    """Return a share in per cent, 98.1 %; a dash for none."""
    return "–" if share is None or not math.isfinite(share) else f"{100 * share:.{digits}f} %"


def number_text(value: float | None, digits: int = 2) -> str:
    """Return a number with so many decimal places, 0.98; a dash for none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def duration_text(seconds: float) -> str:
    """Return a duration in its two largest units: 3 d 4 h, 1 h 02 min, 5 min 12 s, 8 s."""
    whole = round(seconds)
    minutes, s = divmod(whole, 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    if days:
        return f"{days} d {h} h"
    if hours:
        return f"{h} h {m:02} min"
    return f"{m} min {s:02} s" if minutes else f"{s} s"


def deleted_text(done: Deleted, url: str) -> str:
    """Return what a deletion did, in one line."""
    return _given_back(f"Deleted {done.name}", done, url)


def pruned_text(done: PrunedRun, url: str) -> str:
    """Return what a pruning did, in one line."""
    return _given_back(f"Pruned {done.name}", done, url)


def _given_back(what: str, done: Deleted | PrunedRun, url: str) -> str:
    if done.given_back:
        return f"{what}: the store's file gave back {size_text(done.given_back)}."
    if done.on_server:
        return f"{what}: the database server keeps the space for new runs."
    if done.shrinks:
        return f"{what}."
    return (
        f"{what}. The store's file keeps the space for new runs; to make it smaller: "
        f"python -m reactcnn_dash upgrade --store {url}"
    )
