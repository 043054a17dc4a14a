"""The frame of the tour that a first visit is shown, which assets/live/tour.mjs fills."""

from __future__ import annotations

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages.elements import LIVE, attributes, box


def tour() -> html.Div:
    """Return the tour's card, and the mark around what it tells of; both float over the page."""
    described = {"aria-labelledby": ids.TOUR_TITLE, "aria-describedby": ids.TOUR_TEXT}
    unseen = attributes({"aria-hidden": "true"})
    return box(
        "later",
        html.Div(id=ids.TOUR_MARK, className="tour-mark", hidden=True, **unseen),
        box(
            "tour",
            html.H2(id=ids.TOUR_TITLE),
            html.Div(id=ids.TOUR_TEXT, **LIVE),
            box(
                "tour-foot",
                html.Span(id=ids.TOUR_PLACE, className="tour-place"),
                html.Button("Skip the tour", id=ids.TOUR_SKIP, className="text-button"),
                html.Button("Next", id=ids.TOUR_NEXT, className="text-button tour-next"),
            ),
            id=ids.TOUR,
            hidden=True,
            role="dialog",
            **attributes(described),
        ),
    )


def tour_again() -> html.P:
    """Return what brings the tour back, for the page's help."""
    return html.P(
        [
            "New here? ",
            html.Button("Show the tour", id=ids.TOUR_AGAIN, className="text-button"),
            " Three steps to a first find in the run that is open.",
        ],
        className="tour-again",
    )
