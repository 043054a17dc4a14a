"""Which experiment a model's runs belong to, and how many epochs of it there have been."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import MutableMapping


@dataclass(slots=True)
class Experiment:
    """The training of one model, over however many calls of ``fit``.

    Attributes:
        name: what its runs have in common.
        epochs: the number of its last epoch, 0 before the first.
    """

    name: str
    epochs: int = 0


class Experiments:
    """The experiments of a callback: one a model, each with a name of its own.

    A copy of the callback shares them, however deep it was copied, so that the trials of a tuner,
    which copies its callbacks for each, do not all end up in one experiment.

    Args:
        name: of the first model's experiment; the next ones are called ``NAME (2)``, ``NAME (3)``
            and so on. Without one, the model's name and the time.

    Attributes:
        name: the same.
    """

    def __init__(self, name: str | None) -> None:
        self.name = name
        self._taken: set[str] = set()
        self._known: MutableMapping[Any, Experiment] = WeakKeyDictionary()

    def of(self, model: Any, called: str) -> Experiment:
        """Return the experiment of a model, recognised by its identity; a new one for a new model.

        Args:
            model: the model.
            called: its name.
        """
        if model not in self._known:
            self._known[model] = Experiment(self._free(called))
        return self._known[model]

    def _free(self, model: str) -> str:
        wanted = self.name or f"{model} {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted} ({number})"
        self._taken.add(name)
        return name

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self
