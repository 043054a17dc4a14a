"""Leiden with the constant Potts model as it is offered."""

from __future__ import annotations

from typing import Final

from reactcnn_dash.analysis.leiden_cpm import leiden_cpm
from reactcnn_dash.analysis.methods.entry import Method

METHOD: Final = Method(
    key="leiden-cpm",
    place=1,
    label="Leiden (CPM)",
    parameter="threshold",
    symbol="τ",
    default=0.7,
    minimum=0.05,
    maximum=0.95,
    step=0.05,
    help=(
        "By the CPM: filters that correlate above the threshold τ on average, "
        "so that a cluster reads as redundant at τ."
    ),
    find=leiden_cpm,
)
