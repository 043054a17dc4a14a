"""What every page may be sent; each page's own shapes stand in its folder.

``tools/generate.py`` makes types for the scripts of these.
"""

from __future__ import annotations

from typing import TypedDict

from reactcnn_dash.pages.empty import Empty, Nothing
from reactcnn_dash.pages.json_routes import Refused, Running

__all__ = ["Empty", "Nothing", "Option", "Refused", "Running"]


class Option(TypedDict):
    """An entry of a list to pick from."""

    value: str
    label: str
