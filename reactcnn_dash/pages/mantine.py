"""The dash-mantine-components that the pages use, and no others.

The package makes all its two hundred components when it is imported, a quarter of the time in which
a page's process starts. Its parts that do so are left empty meanwhile; each component that is used
is then taken from its own module. Should the package be laid out differently one day, all it has is
loaded again, and nothing else changes.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, Final

_PACKAGE: Final = "dash_mantine_components"
_HEAVY: Final[dict[str, dict[str, Any]]] = {
    "_imports_": {"__all__": []},
    "figure_templates": {"add_figure_templates": None},
}
"""Parts of the package that load everything, and what it wants of them."""


def _leave_empty() -> list[str]:
    """Stand in for the parts of the package that load everything; return their names."""
    if _PACKAGE in sys.modules:
        return []
    names = []
    for part, holds in _HEAVY.items():
        name = f"{_PACKAGE}.{part}"
        empty = sys.modules[name] = ModuleType(name)
        vars(empty).update(holds)
        names.append(name)
    return names


_left_empty = _leave_empty()

from dash_mantine_components.MantineProvider import MantineProvider  # noqa: E402
from dash_mantine_components.SegmentedControl import SegmentedControl  # noqa: E402
from dash_mantine_components.Select import Select  # noqa: E402
from dash_mantine_components.Slider import Slider  # noqa: E402

for _name in _left_empty:
    # Nobody else should take these for the package's own.
    del sys.modules[_name]

__all__ = [
    "MantineProvider",
    "SegmentedControl",
    "Select",
    "Slider",
]
