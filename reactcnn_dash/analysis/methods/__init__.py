"""The clustering methods: each is one module here, and its algorithm one module beside this folder.

Every module with a ``METHOD`` is offered: nothing else lists them.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Final

from reactcnn_dash.analysis.methods.entry import Method
from reactcnn_dash.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class UnknownMethod(WrongUsage, ValueError):
    """There is no such clustering method, or its parameter is out of its range."""


def _all() -> Iterator[Method]:
    for module in iter_modules(__path__):
        method = getattr(import_module(f"{__name__}.{module.name}"), "METHOD", None)
        if isinstance(method, Method):
            yield method


METHODS: Final[Mapping[str, Method]] = {
    method.key: method for method in sorted(_all(), key=lambda one: one.place)
}
"""The methods by their keys, in the order in which they are offered."""

OVERVIEW: Final = METHODS["louvain"]
"""What the live page begins with: an overview."""
REDUNDANT: Final = METHODS["leiden-cpm"]
"""Clusters that correlate above a threshold on average: those read as redundant.

Its threshold is a correlation, so that a cluster means the same in two runs that are compared:
modularity's null model asks for more where a whole layer correlates more, and that is what changes
in training. It is quicker than Louvain by far, too, for 26 layers at once.
"""


def method_of(key: str, parameter: float | None = None) -> Method:
    """Return a method by its key.

    Args:
        key: the method's.
        parameter: what it shall be used with; None: what suits a layer.

    Raises:
        UnknownMethod: there is none, or the parameter is out of its range.
    """
    method = METHODS.get(key)
    if method is None:
        raise UnknownMethod(f"No method {key!r}; there are {', '.join(METHODS)}.")
    if parameter is not None and not method.takes(parameter):
        raise UnknownMethod(f"{method.label}: {method.range}, not {parameter:g}.")
    return method
