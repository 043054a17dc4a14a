"""What stands out about the image: beside the grid while it shows deviations."""

from __future__ import annotations

from typing import Final

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages import mantine as dmc
from reactcnn_dash.pages.elements import LIVE, aria, box, options, section, small
from reactcnn_dash.pages.glossary import explained
from reactcnn_dash.results.deviations.scores import RATE

RATES: Final = {"0.001": "0.1 %", "0.01": "1 %", "0.05": "5 %"}
"""Rates of false alarms to choose from, as the address and as a person writes them."""


def deviation_section() -> html.Section:
    """Return the panel's frame; assets/live/standing-out.mjs fills it."""
    return section(
        "What stands out",
        "standing-out",
        html.H2("What stands out"),
        html.P(id=ids.ODD_COUNT, **LIVE),
        box(
            "odd-rate",
            small(explained("at false alarms of")),
            html.Div(
                dmc.Select(
                    id=ids.ODD_RATE,
                    data=options(RATES),
                    value=f"{RATE:g}",
                    allowDeselect=False,
                    size="xs",
                    w=78,
                    **aria("Rate of false alarms"),
                ),
                title="False alarms: the share of usual images that may be called odd",
            ),
        ),
        html.Div(id=ids.STANDING_OUT_BODY, className="standing-out-body"),
        id=ids.STANDING_OUT,
    )
