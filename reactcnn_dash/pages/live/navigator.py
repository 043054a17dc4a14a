"""The whole network in small below the grid, the way to a layer by its name, and zoom."""

from __future__ import annotations

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages.elements import aria, attributes, box, group, pick


def _zoom(id_: str, sign: str, label: str, key: str) -> html.Button:
    return html.Button(sign, id=id_, className="tool", title=f"{label} ({key})", **aria(label))


def navigator() -> html.Div:
    """Return the bar that shows where in the network the window is."""
    scrolls = {
        "aria-controls": ids.GRID,
        "aria-orientation": "horizontal",
        "aria-valuemin": "0",
        "aria-valuemax": "100",
        "aria-valuenow": "0",
    }
    return box(
        "navigator",
        html.Div(
            id=ids.NAVIGATOR_MAP,
            className="navigator-map",
            role="scrollbar",
            tabIndex=0,
            title="The whole network: drag, click or use the arrow keys to move in it",
            **aria("Part of the network in sight"),
            **attributes(scrolls),
        ),
        box(
            "navigator-tools",
            pick(
                ids.LAYER_JUMP,
                "Go to a layer by its name",
                nothing="No such layer",
                placeholder="Go to layer (J)",
                allowDeselect=True,
                className="layer-jump",
                maxDropdownHeight=320,
                comboboxProps={"width": 260, "position": "top-end"},
            ),
            group(
                _zoom(ids.ZOOM_OUT, "−", "Zoom out", "-"),
                _zoom(ids.ZOOM_FIT, "1:1", "1:1: zoom to what suits the window", "0"),
                _zoom(ids.ZOOM_IN, "+", "Zoom in", "+"),
            ),
        ),
        id=ids.NAVIGATOR,
        role="group",
        **aria("The whole network"),
        **attributes({"data-wide": "no"}),
    )
