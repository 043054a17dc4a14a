"""One call of Keras' ``fit``, as a callback sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True, eq=False)
class Fit:
    """How far one call of ``fit`` is.

    Attributes:
        noted: where Keras noted epochs when this callback was told of the beginning, see
            :func:`noted_epochs`.
        shift: how far the model's epochs are ahead of those that ``fit`` counts; ``None`` before
            the first.
        counted: the last epoch as ``fit`` counts it, from 1.
        epoch: the same as the model's experiment counts it; 0 before the first.
        path: the file that holds it.
        weights: digest of the model's weights at its end.
        collected: the last epoch that a run was collected of, or was to be.
        stored: digest of the weights of that run.
    """

    noted: Any = None
    shift: int | None = None
    counted: int = 0
    epoch: int = 0
    path: str | None = None
    weights: str = ""
    collected: int = 0
    stored: str = ""


def noted_epochs(model: Any) -> Any:
    """Return the list in which Keras' own callback notes epochs.

    It makes a new one as it begins.
    """
    return getattr(getattr(model, "history", None), "epoch", None)


def when_all_have_ended(model: Any, fit: Fit, then: Callable[[], None]) -> None:
    """Do something when every callback of ``fit`` has been told of the end of training.

    Callbacks are told in the order in which the user gave them, and some change the weights then:
    ``EarlyStopping`` brings the best ones back. Behind them Keras puts one of its own,
    ``model.history``. It is asked to pass the word on. Where there is none, or where it was told
    of the beginning before this callback was and so stands in front of it, it is done at once.

    Args:
        model: the model.
        fit: the call, with what was noted at its beginning.
        then: what to do, once.
    """
    if noted_epochs(model) is fit.noted:
        then()
        return
    history = model.history

    def told(logs: dict[str, Any] | None = None) -> None:  # noqa: ARG001 - Keras' signature
        del history.on_train_end
        then()

    history.on_train_end = told
