"""Louvain as it is offered."""

from __future__ import annotations

from typing import Final

from reactcnn_dash.analysis.louvain import louvain, suited_resolution
from reactcnn_dash.analysis.methods.entry import Method

METHOD: Final = Method(
    key="louvain",
    place=0,
    label="Louvain",
    parameter="resolution",
    symbol="γ",
    default=1.5,
    minimum=0.5,
    maximum=4.0,
    step=0.1,
    help=(
        "By modularity: filters that go together more than chance lets expect; "
        "a higher resolution γ gives more and tighter clusters."
    ),
    find=louvain,
    suited=suited_resolution,
)
