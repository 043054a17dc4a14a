"""What a clustering method is to everybody who offers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from reactcnn_dash.analysis.correlation import Correlation


class Algorithm(Protocol):
    """Finds a partition."""

    def __call__(
        self, r: npt.NDArray[np.float64], parameter: float, seed: int, /
    ) -> npt.NDArray[np.intp]:
        """Put filters together.

        Args:
            r: (F, F) float64 correlation without NaN, F ≥ 1.
            parameter: the method's.
            seed: of the method's random choices; the same input and seed give the same labels.

        Returns:
            (F,) the cluster of each filter, in no particular numbering.
        """


class Suited(Protocol):
    """Chooses the parameter that suits a layer."""

    def __call__(self, c: Correlation, default: float, step: float, /) -> float:
        """Return the parameter to begin with."""


def always_the_default(_c: Correlation, default: float, _step: float, /) -> float:
    """Return the default, whatever the layer."""
    return default


@dataclass(frozen=True, slots=True)
class Method:
    """A way to cluster and its one parameter, as pages, command line and help offer it.

    Attributes:
        key: what stands in links and in the store.
        place: where it stands among the methods, from 0.
        label: the method's name for the user.
        parameter: the parameter's name for the user.
        symbol: the parameter's sign in formulas.
        default: the parameter's usual value, chosen by measuring on a trained VGG-16.
        minimum: smallest value that makes sense.
        maximum: largest value that makes sense.
        step: sensible step between values.
        help: one sentence on what the method finds and what the parameter does.
        find: the algorithm.
        suited: chooses the parameter to begin with on a layer.
    """

    key: str
    place: int
    label: str
    parameter: str
    symbol: str
    default: float
    minimum: float
    maximum: float
    step: float
    help: str
    find: Algorithm
    suited: Suited = always_the_default

    def takes(self, value: float) -> bool:
        """Return whether a value lies within the range of the parameter."""
        return self.minimum <= value <= self.maximum

    @property
    def range(self) -> str:
        """The range of the parameter in words: "the threshold τ lies between 0.05 and 0.95"."""
        return (
            f"the {self.parameter} {self.symbol} lies between {self.minimum:g} and {self.maximum:g}"
        )
