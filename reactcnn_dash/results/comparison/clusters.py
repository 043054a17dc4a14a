"""The clusters of all layers of two runs, found by two processes while a third thing goes on."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from reactcnn_dash.analysis import CoMoments, cluster_both

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from reactcnn_dash.analysis import Clusters
    from reactcnn_dash.jobs.helping import Submits

    Both = tuple[CoMoments, CoMoments]

WORTH_IT = 128
"""Filters of a layer from which on it is worth the way to another process."""


class Clusterer:
    """Clusters layers, as many as there is time for by a helper.

    Args:
        helper: another process; None: there is none, or it was lost.
        method: how layers are clustered.
        parameter: the method's parameter; None takes the one that suits each layer.
    """

    def __init__(self, helper: Submits | None, method: str, parameter: float | None) -> None:
        self._helper = helper
        self._how = (method, parameter)
        self._begun: list[tuple[Both, Future[Clusters]]] = []

    def begin(self, layers: Sequence[Both]) -> None:
        """Let the helper begin with layers, given by their co-moments in both runs."""
        if self._helper is not None:
            self._begun = [
                (both, self._helper.submit(cluster_both, *both, *self._how))
                for both in layers
                if len(both[0].mean) >= WORTH_IT
            ]

    def finish(self, layers: Sequence[Both]) -> list[Clusters]:
        """Return the clusters of all layers; what the helper has not begun is done here.

        Layers whose co-moments are no longer those that :meth:`begin` was given are done anew.

        Raises:
            TooFewImages: fewer images than a correlation needs.
        """
        begun = {id(both[0]): future for both, future in self._begun}
        found: list[Clusters] = []
        # From the end, since the helper comes from the beginning.
        for x, y in reversed(layers):
            future = begun.get(id(x))
            if future is not None and not future.cancel():
                # One that was lost on the way is done here.
                with suppress(OSError):
                    found.append(future.result())
                    continue
            found.append(cluster_both(x, y, *self._how))
        return found[::-1]
