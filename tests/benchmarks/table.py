"""What a benchmark found, beside what it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table.

    Attributes:
        what: what was measured.
        goal: the goal as a person reads it.
        found: the figure, with its unit.
        met: whether the figure meets the goal.
    """

    what: str
    goal: str
    found: str
    met: bool


def at_least(what: str, found: float, goal: float, unit: str = "×") -> Result:
    """Return a row whose figure must not be below its goal."""
    return Result(what, f"≥ {goal:g} {unit}", f"{found:.2f} {unit}", found >= goal)


def only_measured(what: str, found: float, unit: str = "×") -> Result:
    """Return a row that has no goal on this machine."""
    return Result(what, "–", f"{found:.2f} {unit}", met=True)


def at_most(what: str, found: float, goal: float, unit: str, digits: int = 1) -> Result:
    """Return a row whose figure must not be above its goal."""
    return Result(what, f"≤ {goal:g} {unit}", f"{found:.{digits}f} {unit}", found <= goal)


def render(results: Iterable[Result]) -> str:
    """Return the table as Markdown."""
    rows = [("what", "goal", "measured", ""), ("---", "---", "---", "---")]
    rows += [(r.what, r.goal, r.found, "" if r.met else "missed") for r in results]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
