"""The runs page: what it is made of."""

from __future__ import annotations

from typing import Final

from reactcnn_dash import ids
from reactcnn_dash.callbacks import runs_table
from reactcnn_dash.pages.page import Page
from reactcnn_dash.pages.runs.help import HELP
from reactcnn_dash.pages.runs.layout import content

PAGE: Final = Page(
    name="Runs",
    path="/runs/",
    folder="runs",
    content=content,
    help=HELP,
    plain=True,
    reads=(f"{ids.RUNS_ANSWER}.data",),
    callbacks=runs_table.register,
)
