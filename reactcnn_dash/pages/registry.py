"""The pages, in the order of the header, and what all of them ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reactcnn_dash.pages import by_class, downloads, routes
from reactcnn_dash.pages.compare.page import PAGE as COMPARE
from reactcnn_dash.pages.filter.page import PAGE as FILTER
from reactcnn_dash.pages.live.page import PAGE as LIVE
from reactcnn_dash.pages.redundancy.page import PAGE as REDUNDANCY
from reactcnn_dash.pages.report import routes as report_routes
from reactcnn_dash.pages.runs.page import PAGE as RUNS
from reactcnn_dash.pages.slim.page import PAGE as SLIM

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Blueprint

    from reactcnn_dash.pages.page import Context, Page

PAGES: Final[tuple[Page, ...]] = (LIVE, RUNS, COMPARE, REDUNDANCY, SLIM, FILTER)
"""All pages; a filter's is reached from wherever the filter is named."""

SHARED_ROUTES: Final[tuple[Callable[[Context], Blueprint], ...]] = (
    routes.blueprint,
    downloads.blueprint,
    report_routes.blueprint,
    by_class.blueprint,
)
"""Makers of the routes that several pages use."""
