"""Words of the collector's command line that the pages write and read too; light to import."""

from __future__ import annotations

from typing import Final

PACKAGED: Final = ("vgg16-cifar10", "vgg16-cifar10-epoch02")
"""Networks that come with the collector: of the end of the training, and of its second epoch."""

IMAGE_SETS: Final = ("sample", "cifar10")
"""Images that are called by name rather than by where they are."""

READINGS: Final = ("pillow", "keras")
"""Ways to read pictures; the first one is the usual one."""

SLIM_METHODS: Final = {
    "refit": "What explains the others",
    "clusters": "One of each cluster",
    "l1": "Largest L1 norm",
    "random": "By chance",
}
"""How filters that stay are chosen, in words; the first is the usual one."""

SLIM_CHOSEN: Final = {**SLIM_METHODS, "plan": "By a redundancy report"}
"""How the filters of a slim network may have been chosen, in words."""

SLIM_BUDGETS: Final = {"parameters": "Parameters", "multiply-adds": "Multiply-adds"}
"""Of what a share may stay, in words; each is an option."""

SLIM_SHARES: Final = range(2, 99)
"""Shares that a page lets stay, in per cent."""

CALIBRATION: Final = 3000
"""Images that a network is slimmed with; more change little."""
