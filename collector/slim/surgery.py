"""Cut channels and hand over their work: from measurements to a slimmer network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from collector.slim.consumers import patches, places
from collector.slim.executing import carry_out
from collector.slim.layers import kernel_of, named_weights
from collector.slim.slimmed import Slimmed
from reactcnn_dash.analysis import NormalEquations, hand_over, refit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from collector.frameworks.keras.flatten import Call, FlatGraph
    from collector.slim.channels import Channels
    from collector.slim.consumers import Consumer
    from collector.slim.feeding import Feed
    from collector.slim.measuring import GroupMoments, Measured

CACHE = 384 * 2**20
"""Bytes of activations of the slimmed network that are kept from one layer to the next."""

STEP_ROWS = 2048
"""Rows that are gathered before they are folded into the normal equations."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """How well a consumer's new kernel does its work.

    Attributes:
        name: the layer's name.
        r2: share of the variation of its answers in the whole network that it gives in the slimmed
            one, on images that it was not fitted to; ``None`` where it was not fitted.
        ridge: the ridge that was chosen, ``None`` for none.
    """

    name: str
    r2: float | None
    ridge: float | None


def operate(
    graph: FlatGraph,
    channels: Channels,
    kept: NDArray[np.bool_],
    *,
    consumers: Sequence[Consumer],
    measured: Sequence[Measured],
    feed: Feed,
    step: Callable[[int], None],
) -> tuple[Slimmed, tuple[Fitted, ...]]:
    """Make a slimmed network.

    Args:
        graph: the whole network.
        channels: its channels.
        kept: (channels,) bool, those that stay.
        consumers: its consumers.
        measured: what was measured of each.
        feed: the calibration images, the same as for the measurements.
        step: told of work that is done, in consumers.

    Returns:
        The network, and how each consumer was fitted, in the order of ``consumers``.
    """
    slimmed = Slimmed(graph, channels, kept)
    for consumer, found in zip(consumers, measured, strict=True):
        _hand_over(slimmed, consumer, found.groups)
    stream = _Stream(graph, feed)
    fitted = []
    touched = False
    for consumer, found in zip(consumers, measured, strict=True):
        layer = consumer.layer
        touched = touched or slimmed.touched(consumer.calls[0].inputs[0])
        if touched and consumer.fits and kept[consumer.made].any():
            fitted.append(_fit(slimmed, stream, consumer, found))
        else:
            fitted.append(Fitted(layer.name, None, None))
        step(1)
    return slimmed, tuple(fitted)


def _hand_over(slimmed: Slimmed, consumer: Consumer, moments: Sequence[GroupMoments]) -> None:
    """Return the work of the channels that go to those that stay, as far as they explain them."""
    kept, kernel = slimmed.kept, consumer.kernel.copy()
    constant = np.zeros(kernel.shape[-1])
    for group, found in zip(consumer.groups, moments, strict=True):
        stays = kept[group.channels]
        if stays.all():
            continue
        here, gone = np.flatnonzero(stays), np.flatnonzero(~stays)
        work = hand_over(found.first, found.second, gone, here, consumer.constant)
        for columns in group.columns:
            lost = kernel[:, columns[gone]]
            kernel[:, columns[here]] += np.einsum("gk,tgf->tkf", work.shares, lost)
            constant += np.einsum("g,tgf->f", work.constants, lost)
    made = kept[consumer.made]
    slimmed.set_kernel(consumer, kernel[:, kept[consumer.columns]][..., made])
    if consumer.bias is not None:
        slimmed.set_bias(consumer, (constant + consumer.own_bias)[made])


def _fit(slimmed: Slimmed, stream: _Stream, consumer: Consumer, found: Measured) -> Fitted:
    """Fit a consumer to what it answered in the whole network."""
    layer = consumer.layer
    (call,) = consumer.calls
    columns, made = slimmed.kept[consumer.columns], slimmed.kept[consumer.made]
    narrow = slimmed.layer(layer)
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    sizes = call.outputs[0].shape[2:] if first else call.outputs[0].shape[1:-1]
    halves: list[_Equations] = [_Equations(), _Equations()]
    for number, value in enumerate(stream.values(slimmed, call.inputs[0])):
        received = keras.ops.convert_to_numpy(places(narrow, value))
        where = found.where[number]
        rows = patches(layer, np.asarray(received, np.float32), where, tuple(sizes))
        truth = found.answers[number][:, made]
        # Every other image, whole: places of one image are too alike to judge one another.
        odd = np.repeat(np.arange(len(where)) % 2, where.shape[1]).astype(bool)
        for half, mine in zip(halves, (~odd, odd), strict=True):
            half.add(rows[mine], truth[mine])
    states = [state for half in halves if (state := half.state()) is not None]
    if len(states) < 2:
        return Fitted(layer.name, None, None)
    if consumer.bias is None:
        states = [one.centred_on_zero() for one in states]
    start = consumer_kernel(slimmed, consumer)
    result = refit(states[0], states[1], start.reshape(-1, start.shape[-1]))
    slimmed.set_kernel(consumer, result.kernel.reshape(-1, int(columns.sum()), int(made.sum())))
    if consumer.bias is not None:
        slimmed.set_bias(consumer, result.bias)
    return Fitted(layer.name, result.r2, result.ridge)


def consumer_kernel(slimmed: Slimmed, consumer: Consumer) -> NDArray[np.float64]:
    """Return a consumer's kernel as it is now, (taps, kept columns, kept outputs) float64."""
    layer = consumer.layer
    return kernel_of(layer, named_weights(layer, slimmed.weights[id(layer)]))


class _Equations:
    """Normal equations folded some thousand rows at a time."""

    def __init__(self) -> None:
        self._state: NormalEquations | None = None
        self._waiting: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
        self._rows = 0

    def add(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        usable = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
        if not usable.all():
            x, y = x[usable], y[usable]
        if not len(x):
            return
        self._waiting.append((x, y))
        self._rows += len(x)
        if self._rows >= STEP_ROWS:
            self._fold()

    def state(self) -> NormalEquations | None:
        """Return what was taken in, None without any row."""
        self._fold()
        return self._state

    def _fold(self) -> None:
        if not self._waiting:
            return
        x, y = (np.concatenate(part) for part in zip(*self._waiting, strict=True))
        found = NormalEquations.of(x, y)
        self._state = found if self._state is None else self._state.merge(found)
        self._waiting, self._rows = [], 0


class _Stream:
    """The slimmed network's activations, computed from the nearest place where they are kept.

    Layers are fitted in their order, so what came before a tensor that everything later depends on
    alone need not be computed again. Kept are at most :data:`CACHE` bytes, however many images
    there are.
    """

    def __init__(self, graph: FlatGraph, feed: Feed) -> None:
        self._feed = feed
        self._start = graph.input
        self._calls: Sequence[Call] = graph.calls
        self._kept: list[Any] | None = None

    def values(self, slimmed: Slimmed, tensor: Any) -> Iterator[Any]:
        """Yield the value of a tensor for each batch of images."""
        substitutes = slimmed.substitutes()
        rest = self._after(tensor)
        size = np.prod([one or 1 for one in slimmed.shape(tensor)[1:]])
        keep = rest is not None and 4 * size * self._feed.limit <= CACHE
        kept = []
        for value in self._feed if self._kept is None else self._kept:
            (found,) = carry_out(self._calls, {id(self._start): value}, [tensor], substitutes)
            if keep:
                kept.append(found)
            yield found
        if keep and rest is not None:
            self._start, self._calls, self._kept = tensor, rest, kept

    def _after(self, tensor: Any) -> Sequence[Call] | None:
        """Return the calls from a tensor on, if nothing later depends on what came before it."""
        last = max(
            (i for i, call in enumerate(self._calls) if any(o is tensor for o in call.outputs)),
            default=-1,
        )
        if last < 0:
            return None
        later = self._calls[last + 1 :]
        known = {id(tensor)} | {id(out) for call in later for out in call.outputs}
        if any(id(one) not in known for call in later for one in call.inputs):
            return None
        return later
