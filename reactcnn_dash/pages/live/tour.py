"""The frame of the tour that a first visit is shown, which assets/live/tour.mjs fills."""

from __future__ import annotations

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages.elements import attributes


def tour() -> html.Div:
    """Return the tour's card, and the mark around what it tells of; both float over the page."""
    return html.Div(
        [
            html.Div(
                id=ids.TOUR_MARK,
                className="tour-mark",
                hidden=True,
                **attributes({"aria-hidden": "true"}),
            ),
            html.Div(
                id=ids.TOUR,
                className="tour",
                hidden=True,
                role="dialog",
                **attributes(
                    {"aria-labelledby": ids.TOUR_TITLE, "aria-describedby": ids.TOUR_TEXT}
                ),
                children=[
                    html.H2(id=ids.TOUR_TITLE),
                    html.Div(id=ids.TOUR_TEXT, **attributes({"aria-live": "polite"})),
                    html.Div(
                        className="tour-foot",
                        children=[
                            html.Span(id=ids.TOUR_PLACE, className="tour-place"),
                            html.Button("Skip the tour", id=ids.TOUR_SKIP, className="text-button"),
                            html.Button(
                                "Next", id=ids.TOUR_NEXT, className="text-button tour-next"
                            ),
                        ],
                    ),
                ],
            ),
        ],
        className="later",
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
