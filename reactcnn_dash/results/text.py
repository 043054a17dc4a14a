"""How the page and the command line speak of runs: sizes, durations, what a deletion did."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reactcnn_dash.db import Deleted


def size_text(size: int) -> str:
    """Return a number of bytes as people read it: 1.2 GB, 340 MB, 12 KB."""
    if size < 1000:
        return f"{size} B"
    units = ("KB", "MB", "GB", "TB")
    value, unit = size / 1000, 0
    while value >= 999.5 and unit < len(units) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {units[unit]}" if value < 9.95 else f"{value:,.0f} {units[unit]}"


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
    if done.given_back:
        return f"Deleted {done.name}: the store's file gave back {size_text(done.given_back)}."
    if done.on_server:
        return f"Deleted {done.name}: the database server keeps the space for new runs."
    if done.shrinks:
        return f"Deleted {done.name}."
    return (
        f"Deleted {done.name}. The store's file keeps the space for new runs; to make it smaller: "
        f"python -m reactcnn_dash upgrade --store {url}"
    )
