"""The learning rate of every step of a training."""

from __future__ import annotations

RISING = 0.2
"""Share of the steps in which the rate rises."""


def one_cycle(step: int, steps: int, peak: float) -> float:
    """Learning rate of step ``step`` of 0 … ``steps`` - 1.

    It rises linearly to ``peak`` over the first fifth and falls linearly to 0 (Smith & Topin 2019,
    without the cycle of the momentum); no step has the rate 0.
    """
    top = max(1.0, RISING * steps)
    if step + 1 <= top:
        return peak * (step + 1) / top
    return peak * (steps - step) / (steps + 1 - top)
