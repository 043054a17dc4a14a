"""Which report is asked for, and what its file is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactcnn_dash.export import file_name, run_stem
from reactcnn_dash.pages.report.of_pair import report_of_pair
from reactcnn_dash.pages.report.of_run import report_of_run

if TYPE_CHECKING:
    from reactcnn_dash.db import StoreReader


def report(url: str, runs: tuple[int, ...], method: str, parameter: float | None) -> str:
    """Return a report of one run, or of two side by side, as the text of an HTML file.

    Args:
        url: the store's URL.
        runs: one id, or two.
        method: how the filters of two runs are clustered.
        parameter: the method's parameter; None takes the one that suits each layer.

    Raises:
        UserError: the runs cannot be reported; the text says why.
    """
    first, *others = runs
    if not others:
        return report_of_run(url, first)
    return report_of_pair(url, first, others[0], method, parameter)


def report_name(reader: StoreReader, runs: tuple[int, ...]) -> str:
    """Return the name of a report's file.

    Raises:
        RunNotFound: there is no such run.
    """
    stems = [run_stem(run.id, run.name) for run in map(reader.run, runs)]
    return f"{file_name('reactcnn-' + '-and-'.join(stems))}.html"
