"""Channels among which a choice is made together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.slim.channels import Channels, Numbers
    from collector.slim.consumers import Consumer


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """Channels that a choice is made among.

    Those of one maker, of a stream that several add to, and of everything that is concatenated
    before it is consumed, since there one channel may do the work of another.

    Attributes:
        channels: (n,) those that can go.
        producers: (n,) a number for the layers that make each; of every number one stays.
        consumers: positions of the consumers that receive them.
    """

    channels: Numbers
    producers: Numbers
    consumers: tuple[int, ...]

    @property
    def least(self) -> int:
        """How many stay in any case."""
        return len(np.unique(self.producers))


def find_bundles(consumers: Sequence[Consumer], channels: Channels) -> tuple[Bundle, ...]:
    """Divide the channels that can go into bundles, in the order of the network."""
    free = np.ones(channels.count, bool)
    free[list(channels.pinned)] = False
    makers: dict[int, set[int]] = {}
    for index, one in enumerate(consumers):
        for number in np.unique(one.made[free[one.made]]).tolist():
            makers.setdefault(number, set()).add(index)
    together = list(range(channels.count))

    def root(number: int) -> int:
        while together[number] != number:
            number = together[number]
        return number

    for one in consumers:
        for numbers in (one.made, one.received):
            joined = [root(number) for number in np.unique(numbers[free[numbers]]).tolist()]
            for one_root in joined:
                together[one_root] = min(joined)
    groups: dict[int, list[int]] = {}
    for number in sorted(makers):
        groups.setdefault(root(number), []).append(number)
    found = []
    for members in groups.values():
        kinds: dict[frozenset[int], int] = {}
        producers = [kinds.setdefault(frozenset(makers[n]), len(kinds)) for n in members]
        inside = np.array(members, np.intp)
        receivers = [
            index for index, one in enumerate(consumers) if np.isin(one.received, inside).any()
        ]
        # What nobody receives has no consumer to be judged by; it stays.
        if receivers:
            found.append(Bundle(inside, np.array(producers, np.intp), tuple(receivers)))
    return tuple(found)
