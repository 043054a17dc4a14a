"""How far each filter's GAP is from what it usually is, in robust units that zeros do not break.

A ReLU filter is often exactly 0 and otherwise skewed: mean and deviation mislead, and the median
absolute deviation may be 0. So a filter's distribution is kept as a table of quantiles, and a value
is placed on the normal curve by its rank: +2 is as rare as 2 standard deviations above the mean of
a normal variable, whatever the shape of the filter's own distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

POINTS = 65
"""Quantiles that are kept of each filter."""
LIMIT = 8.0
"""Deviations are cut off here: further out no sample can tell one from another."""


@dataclass(frozen=True, slots=True, eq=False)
class FilterQuantiles:
    """The distribution of each filter over a set of images; F filters, Q quantiles.

    Attributes:
        n: images behind it.
        scores: (Q,) float64, ascending normal scores of the quantiles.
        values: (Q, F) float32, the quantiles, ascending in each column; 4 Q F bytes, 1.1 MB for the
            4,224 filters of VGG-16.
    """

    n: int
    scores: npt.NDArray[np.float64]
    values: npt.NDArray[np.float32]

    @classmethod
    def of(cls, rows: npt.ArrayLike) -> FilterQuantiles:
        """Return the distribution over some rows: a run's sample, or those of one predicted class.

        The quantiles stand at equal steps of the normal score, so that both tails are as well
        resolved as the middle. The outermost are the least and the greatest value, at the expected
        normal scores ±Φ⁻¹(n / (n + 1)).

        Args:
            rows: (n, F) of any real dtype. Rows with a value that is not finite are left out.

        Raises:
            ValueError: ``rows`` has not two dimensions, or fewer than two usable rows.
        """
        from scipy.special import ndtr, ndtri  # noqa: PLC0415 - slow to import

        values = np.asarray(rows)
        if values.ndim != 2:
            raise ValueError(f"Rows are a matrix (images, filters), not of shape {values.shape}.")
        values = values[np.isfinite(values).all(axis=1)]
        n = len(values)
        if n < 2:
            raise ValueError(f"A distribution needs at least 2 images; there are {n}.")
        most = float(ndtri(n / (n + 1)))
        scores = np.linspace(-most, most, min(POINTS, n))
        # The i-th smallest of n values stands at the probability i / (n + 1) (Weibull's plotting
        # position).
        quantiles = np.quantile(values, ndtr(scores).clip(0, 1), axis=0, method="weibull")
        return cls(n=n, scores=scores, values=quantiles.astype(np.float32))

    def deviation(self, rows: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Signed deviation of each value from its filter's distribution, in normal scores.

        Between two quantiles the score is interpolated. A value that many images share (0, mostly)
        has the mean of the probabilities below and up to it (the mid-distribution function, Parzen
        2004, "Quantile probability and statistical data modeling"), so a filter that is 0 on half
        of all images has a score of −0.67 there and not an extreme one. Beyond the least and the
        greatest value the score goes on in a straight line, in units of their distance from the
        median; a filter that never varied is at the limit once it does.

        Args:
            rows: (B, F) of any real dtype.

        Returns:
            (B, F) in [-:data:`LIMIT`, :data:`LIMIT`]; NaN where the value is NaN.
        """
        from scipy.special import ndtr, ndtri  # noqa: PLC0415 - slow to import

        # What is compared has the precision of what was kept, or nothing would ever be shared.
        x = np.asarray(rows, dtype=np.float32)
        low, high = self._interpolated(x, "left"), self._interpolated(x, "right")
        score = np.where(low == high, low, ndtri((ndtr(low) + ndtr(high)) / 2))
        score = np.where(x < self.values[0], self._beyond(x, 0), score)
        score = np.where(x > self.values[-1], self._beyond(x, -1), score)
        return np.where(np.isnan(x), np.nan, np.clip(score, -LIMIT, LIMIT))

    def _interpolated(self, x: npt.NDArray[np.float32], side: str) -> npt.NDArray[np.float64]:
        """Return the score of x, at the left or the right end of a run of equal quantiles."""
        columns = np.arange(self.values.shape[1])
        points = len(self.scores)
        if side == "left":
            # The first quantile that is not below x, and the one before it.
            upper = (self.values[:, None, :] < x).sum(axis=0).clip(0, points - 1)
            lower = (upper - 1).clip(0)
        else:
            # The last quantile that is not above x, and the one after it.
            lower = ((self.values[:, None, :] <= x).sum(axis=0) - 1).clip(0)
            upper = (lower + 1).clip(0, points - 1)
        a = self.values[lower, columns].astype(np.float64)
        b = self.values[upper, columns].astype(np.float64)
        share = np.divide(x - a, b - a, out=np.ones_like(a), where=b > a).clip(0, 1)
        if side == "right":
            share = np.where(b > a, share, 0.0)
        return np.asarray(self.scores[lower] + share * (self.scores[upper] - self.scores[lower]))

    def _beyond(self, x: npt.NDArray[np.float32], end: int) -> npt.NDArray[np.float64]:
        """Return the score of x beyond an end of the table: its distance in that end's own."""
        edge = self.values[end].astype(np.float64)
        median = np.median(self.values, axis=0)
        # A filter whose median is its extreme (0 on most images) has its spread on the other side.
        spread = np.where(edge != median, np.abs(edge - median), np.ptp(self.values, axis=0))
        without = np.full(x.shape, -np.inf if end == 0 else np.inf)
        distance = np.divide(x - edge, spread, out=without, where=spread > 0)
        return np.asarray(self.scores[end] + distance * self.scores[-1])
