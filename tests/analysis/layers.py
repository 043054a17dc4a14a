"""GAP rows of hand-made networks whose relations are known, for the tests beside this file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Break:
    """One broken filter: its weights are scaled, exchanged with another's or drawn anew."""

    layer: int
    filter: int
    factor: float = 1.0
    other: int | None = None
    noise: float = 0.0


class Network:
    """A chain of random layers, images as random inputs; GAP rows are its outputs.

    Softplus, unlike ReLU, has no dead filters, whose faults nobody could see.
    """

    def __init__(self, seed: int = 0, widths: tuple[int, ...] = (8, 12, 16, 10)) -> None:
        rng = np.random.default_rng([seed, 1])
        shapes = zip((6, *widths), widths, strict=False)
        self.weights = [rng.normal(size=shape) / np.sqrt(shape[0]) for shape in shapes]
        self.seed = seed

    def rows(self, images: int, seed: int, broken: Break | None = None) -> list[Matrix]:
        """One (images, F) matrix a layer."""
        rng = np.random.default_rng([self.seed, 2, seed])
        x = rng.normal(size=(images, 6)) * np.exp(0.3 * rng.normal(size=(images, 1)))
        result = []
        for layer, good in enumerate(self.weights):
            weights = good.copy()
            if broken is not None and broken.layer == layer:
                own = [broken.filter]
                weights[:, own] *= broken.factor
                # Not from the images' numbers, which must be the same for the broken network.
                drawn = np.random.default_rng([self.seed, 3]).normal(size=(len(weights), 1))
                weights[:, own] += broken.noise * drawn
                if broken.other is not None:
                    pair = [broken.filter, broken.other]
                    weights[:, pair] = good[:, pair[::-1]]
            x = np.logaddexp(0.0, 2.0 * (x @ weights))
            # What the mean over a map leaves of it does not follow from the means before exactly.
            x = x * np.exp(0.05 * rng.normal(size=x.shape))
            result.append(x)
        return result
