"""What is asked of a network at hand, and what it answers: one function a question."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.at_hand.gradcam import grad_cam
from collector.at_hand.switching import Switched, Switches
from collector.errors import CollectorError
from collector.frameworks.reading import predictions
from reactcnn_dash.db import MapBatch, save_maps
from reactcnn_dash.jobs.kept import keep
from reactcnn_dash.results.maps_again import maps_as_arrays
from reactcnn_dash.results.moments import current_moments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from collector.at_hand.loading import AtHand
    from reactcnn_dash.db import StoreReader
    from reactcnn_dash.results.maps_again import MapsAgain
    from reactcnn_dash.results.what_if import WhatIfRun

    Arrays = dict[str, NDArray[Any]]
    Answer = tuple[Mapping[str, Any], Arrays]

BATCH = 64
"""Images that go through the network at a time."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a question about all images is: ``done`` of ``total``; at its end the ``counts``."""

    done: int
    total: int
    counts: WhatIfRun | None = None


class BadQuestion(CollectorError):
    """A question that cannot be answered as it is put."""


class Answers:
    """Answers questions about the images of one run.

    Args:
        url: the store.
        reader: reads it.
        hand: the run and its network.
    """

    def __init__(self, url: str, reader: StoreReader, hand: AtHand) -> None:
        self._url = url
        self._reader = reader
        self._hand = hand
        self._switched = Switched(hand)
        self._means: dict[int, NDArray[np.float32]] = {}

    def answer(self, asked: Mapping[str, Any]) -> Answer | Iterator[Step]:
        """Answer a question, named by ``ask``; one about all images is answered step by step.

        Returns:
            The words and the arrays of the answer.

        Raises:
            CollectorError, StoreError: there is none; the text says why.
        """
        if asked["ask"] == "what-if-run":
            # Whether there are such filters is said now, not at the first step.
            return self._over_run(self._switches(asked))
        return {"what-if": self.what_if, "maps": self.maps, "grad-cam": self.grad_cam}[
            asked["ask"]
        ](asked)

    def what_if(self, asked: Mapping[str, Any]) -> Answer:
        """Return what the network says of an image with and without some filters.

        Args:
            asked: ``ordinal``; ``off``, pairs of a layer's position and its filters; ``instead``,
                ``zero`` or ``mean``.

        Returns:
            No words; ``before`` and ``after`` (K,), ``gap_before`` and ``gap_after`` (F,), float32.

        Raises:
            BadQuestion: there are no such filters.
            CollectorError, StoreError: the image cannot be read, or the model cannot be run.
        """
        pixels = self._pixels([int(asked["ordinal"])])
        none = Switches.none(self._hand.network.filters)
        before = self._switched(pixels, none)
        after = self._switched(pixels, self._switches(asked))
        return {}, {
            "before": before.probabilities[0],
            "after": after.probabilities[0],
            "gap_before": before.gap[0],
            "gap_after": after.gap[0],
        }

    def maps(self, asked: Mapping[str, Any]) -> Answer:
        """Return the feature maps of an image, as the collector would have stored them.

        They are computed in the company that the image had in the run, since a convolution of many
        images may round otherwise than that of one. They are stored where the run's limit allows
        it; maps of pixels that the store keeps less exactly than the run had them are not.

        Args:
            asked: ``ordinal``.

        Returns:
            Whether they are ``stored``, and whether the pixels are ``rounded``; the maps, as
            ``maps_as_arrays`` has them, where they are not stored.

        Raises:
            StoreError: the image cannot be read, or its maps cannot be stored.
        """
        ordinal = int(asked["ordinal"])
        run = self._reader.run(self._hand.run.uuid)
        start = ordinal // run.batch_size * run.batch_size
        company = range(start, min(start + run.batch_size, run.stored))
        here = self._pixels([ordinal])[0]
        known = self._reader.pixels_of(run.uuid, company) | {ordinal: here}
        stack = np.stack([known.get(one, np.zeros_like(here)) for one in company])
        captured = self._hand.capture(stack)
        row = slice(ordinal - start, ordinal - start + 1)
        layers = [
            MapBatch(one.codes[row], one.low[row], one.step[row]) for one in captured.maps or ()
        ]
        rounded = run.options.get("reading") == "keras"
        stored = not rounded and keep(partial(save_maps, self._url, run.id, ordinal, layers))
        arrays = {} if stored else maps_as_arrays(layers)
        told: MapsAgain = {"stored": stored, "rounded": rounded}
        return told, arrays

    def grad_cam(self, asked: Mapping[str, Any]) -> Answer:
        """Where in an image a layer speaks for a class.

        Args:
            asked: ``ordinal``, ``class`` and the ``layer``'s position.

        Returns:
            Whether the gradient is that of the score ``before_softmax``; the ``map`` (H, W).

        Raises:
            BadQuestion: there is no such class or layer.
            CollectorError, StoreError: the image cannot be read, or the model cannot be run.
        """
        target, layer = int(asked["class"]), int(asked["layer"])
        hand = self._hand
        if not (0 <= target < hand.network.outputs and 0 <= layer < len(hand.layers)):
            raise BadQuestion(f"the model has no class {target}, or no layer {layer}.")
        found = grad_cam(hand, self._switched, self._pixels([int(asked["ordinal"])]), target, layer)
        return {"before_softmax": found.before_softmax}, {"map": found.map}

    def _over_run(self, switches: Switches) -> Iterator[Step]:
        """Yield a step a batch of all images of the run, at last with the counts."""
        run = self._reader.run(self._hand.run.uuid)
        known = self._reader.predictions(run)
        total = len(known.ordinals)
        counts: WhatIfRun = {
            "images": 0, "labelled": 0, "before": 0, "after": 0,
            "lost": 0, "won": 0, "same": 0, "damaged": 0,
        }  # fmt: skip
        for start in range(0, total, BATCH):
            part = slice(start, start + BATCH)
            ordinals = known.ordinals[part].tolist()
            pixels = self._reader.pixels_of(run.uuid, ordinals)
            here = np.array([ordinal in pixels for ordinal in ordinals])
            counts["damaged"] += int((~here).sum())
            if here.any():
                stack = np.stack([pixels[one] for one in ordinals if one in pixels])
                said = predictions(self._switched(stack, switches).probabilities)
                _count(counts, known.labels[part][here], known.predictions[part][here], said)
            yield Step(min(start + BATCH, total), total)
        yield Step(total, total, counts)

    def _switches(self, asked: Mapping[str, Any]) -> Switches:
        switches = Switches.none(self._hand.network.filters)
        for position, filters in asked["off"]:
            layer = next((one for one in self._hand.layers if one.position == position), None)
            if layer is None or any(not 0 <= one < layer.filters for one in filters):
                raise BadQuestion(f"the run has no such filters: {filters} of layer {position}.")
            places = layer.offset + np.array(filters, int)
            switches.off[places] = True
            if asked["instead"] == "mean":
                switches.instead[places] = self._mean(position)[np.array(filters, int)]
        return switches

    def _mean(self, position: int) -> NDArray[np.float32]:
        """Return each filter's mean over all places of all finite images of the run so far."""
        if position not in self._means:
            layer = self._hand.layers[position]
            moments, _ = current_moments(self._reader, self._hand.run.id, layer)
            self._means[position] = moments.mean.astype(np.float32)
        return self._means[position]

    def _pixels(self, ordinals: list[int]) -> NDArray[np.uint8]:
        uuid = self._hand.run.uuid
        return np.stack([self._reader.pixels(uuid, ordinal) for ordinal in ordinals])


def _count(
    counts: WhatIfRun,
    labels: NDArray[np.int64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
) -> None:
    labelled = labels >= 0
    right_before, right_after = labelled & (labels == before), labelled & (labels == after)
    counts["images"] += len(labels)
    counts["labelled"] += int(labelled.sum())
    counts["before"] += int(right_before.sum())
    counts["after"] += int(right_after.sum())
    counts["lost"] += int((right_before & ~right_after).sum())
    counts["won"] += int((right_after & ~right_before).sum())
    counts["same"] += int((before == after).sum())
