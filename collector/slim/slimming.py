"""One network's slimming: measured once, cut as often as is needed to find a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np

from collector.frameworks.keras.layout import CONVOLUTIONS
from collector.slim.bundles import find_bundles
from collector.slim.channels import find_channels
from collector.slim.choosing import Choice, by_rule, lossless, prepare
from collector.slim.consumers import find_consumers
from collector.slim.costs import costs_of
from collector.slim.executing import prove_same, whole_outputs
from collector.slim.measuring import FISHER_IMAGES, measure
from collector.slim.request import SlimError
from collector.slim.surgery import Fitted, operate
from reactcnn_dash.results.text import percent_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from collector.frameworks.keras.network import Network
    from collector.frameworks.keras.taps import Tap
    from collector.slim.bundles import Bundle
    from collector.slim.channels import Channels
    from collector.slim.consumers import Consumer
    from collector.slim.feeding import Feed
    from collector.slim.measuring import Measured
    from collector.slim.slimmed import Slimmed

    Working = Callable[[str, int, int], None]


LEAST_IMAGES = 32
"""Calibration images below which nothing is said."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A slimmed network.

    Attributes:
        kept: (channels,) bool, those that stay.
        slimmed: its layers.
        fitted: how each consumer was fitted.
        parameters: number of its parameters.
        work: its multiply-adds an image.
    """

    kept: NDArray[np.bool_]
    slimmed: Slimmed
    fitted: tuple[Fitted, ...]
    parameters: int
    work: int


class Slimming:
    """Measures a network, and cuts it.

    Args:
        network: the whole network.
        feed: the calibration images.
        saving: whether parameters and whether multiply-adds are to be saved.
        working: told what is done, how much of it, and of how much.

    Raises:
        SlimError: nothing in the network can be cut, or there are too few images.
        ModelError: it cannot be carried out layer by layer.
    """

    def __init__(
        self,
        network: Network,
        feed: Feed,
        saving: tuple[bool, bool],
        working: Working = lambda _what, _done, _total: None,
    ) -> None:
        graph = network.graph
        self.network = network
        self.feed = feed
        self._working = working
        self.channels: Channels = find_channels(graph)
        self.consumers: tuple[Consumer, ...] = find_consumers(graph, self.channels)
        self.bundles: tuple[Bundle, ...] = find_bundles(self.consumers, self.channels)
        if not self.bundles:
            raise SlimError(f"nothing in {network.loaded.name} can be cut: {self._why_not()}.")
        self._prove()
        self.measured = self._measure()
        self.parameters, self.work = costs_of(graph, self.channels)
        step = self._steps("choosing", len(self.bundles))
        self.choice: Choice = prepare(
            self.consumers,
            self.measured,
            self.bundles,
            costs=(self.parameters, self.work),
            saving=saving,
            step=step,
        )

    @property
    def whole(self) -> NDArray[np.bool_]:
        """The mask that keeps every channel."""
        return np.ones(self.channels.count, bool)

    @property
    def uncounted(self) -> int:
        """Parameters of the network that no cut changes."""
        total = self.network.loaded.parameters
        return total - round(self.parameters.total(self.whole))

    def steps_within(self, parameters: float | None, work: float | None) -> int:
        """Return how far to go for shares of the parameters and multiply-adds that may stay.

        Raises:
            SlimError: even the narrowest network is larger.
        """
        total = self.network.loaded.parameters
        share = None
        if parameters is not None:
            counted = max(total - self.uncounted, 1)
            share = (parameters * total - self.uncounted) / counted
        found = self.choice.steps_within(share, work)
        if found is None:
            narrowest = self.choice.kept(len(self.choice.path.groups))
            least = (self.parameters.total(narrowest) + self.uncounted) / total
            least_work = self.work.total(narrowest) / max(self.work.total(self.whole), 1.0)
            raise SlimError(
                f"the narrowest that {self.network.loaded.name} can be has {percent_text(least)} "
                f"of its parameters and {percent_text(least_work)} of its multiply-adds; ask for "
                "more."
            )
        return found

    def cut(self, kept: NDArray[np.bool_]) -> Cut:
        """Cut all channels but some, and hand over their work."""
        step = self._steps("cutting", len(self.consumers))
        slimmed, fitted = operate(
            self.network.graph,
            self.channels,
            kept,
            consumers=self.consumers,
            measured=self.measured,
            feed=self.feed,
            step=step,
        )
        parameters = round(self.parameters.total(kept)) + self.uncounted
        return Cut(kept, slimmed, fitted, parameters, round(self.work.total(kept)))

    def chosen(self, method: str, steps: int, seed: int = 1) -> NDArray[np.bool_]:
        """Return which channels stay, by a method, with the widths of the path."""
        return by_rule(
            method,
            self.choice,
            steps,
            consumers=self.consumers,
            measured=self.measured,
            seed=seed,
        )

    def lossless(self) -> NDArray[np.bool_]:
        """Return which channels stay when only those go whose work the others can do exactly."""
        return lossless(self.consumers, self.measured, self.bundles, self.channels.count)

    def filters_of(self, tap: Tap) -> NDArray[np.intp]:
        """Return the channel of each filter of a tapped layer."""
        return self.channels.of(tap.tensor).numbers

    def left_whole(self) -> dict[str, str]:
        """Why layers keep all their filters, by name; only those of which none can go."""
        found = {}
        for call in self.network.graph.calls:
            if not isinstance(call.operation, (*CONVOLUTIONS, keras.layers.Dense)):
                continue
            made = self.channels.of(call.outputs[0]).numbers
            reasons = [self.channels.pinned.get(int(number)) for number in made]
            if reasons and all(reasons):
                found[call.operation.name] = str(reasons[0])
        return found

    def _prove(self) -> None:
        for value in self.feed:
            graph = self.network.graph
            own = graph.evaluate(value, graph.outputs)
            what = "layer by layer the model gives something else than as a whole"
            for one, other in zip(whole_outputs(graph, value), own, strict=True):
                prove_same(one, other, what)
            return

    def _measure(self) -> tuple[Measured, ...]:
        total = self.feed.limit + min(FISHER_IMAGES, self.feed.limit)
        step = self._steps("measuring", total)
        found = measure(self.network.graph, self.consumers, self.feed, self.network.reading, step)
        images = found[0].groups[0].gap.n
        if images < LEAST_IMAGES:
            raise SlimError(
                f"{self.feed.source.description}: {images} usable images; at least {LEAST_IMAGES} "
                "are needed to tell what can go."
            )
        return found

    def _steps(self, what: str, total: int) -> Callable[[int], None]:
        done = 0

        def step(count: int) -> None:
            nonlocal done
            done += count
            self._working(what, min(done, total), total)

        self._working(what, 0, total)
        return step

    def _why_not(self) -> str:
        reasons = list(self.left_whole().values())
        return reasons[0] if reasons else "it has no layer whose filters another one receives"
