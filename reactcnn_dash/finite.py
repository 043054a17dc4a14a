"""Numbers as JSON has them: None, where one is not finite."""

from __future__ import annotations

import math


def finite(value: float) -> float | None:
    """Return a number as it is."""
    return float(value) if math.isfinite(value) else None


def rounded(value: float | None, digits: int = 4) -> float | None:
    """Return a number with so many decimal places."""
    return round(float(value), digits) if value is not None and math.isfinite(value) else None


def significant(value: float, digits: int) -> float | None:
    """Return a number with so many significant digits."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
