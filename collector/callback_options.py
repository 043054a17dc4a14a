"""What a callback is given, checked before a training of hours begins."""

from __future__ import annotations

import operator
import os
import re
from typing import TYPE_CHECKING, Any

from collector.frameworks.protocol import PRECISIONS
from collector.frameworks.reading import HEADS
from collector.frameworks.scaling import PIXEL_RANGES, PREPROCESSES
from collector.images.values import ValueRange, checked_range
from collector.request import Request
from reactcnn_dash.db import check_writable
from reactcnn_dash.vocabulary import READINGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reactcnn_dash.db import StoreUrl


def checked_request(
    store: StoreUrl,
    *,
    experiment: str | None,
    pixel_range: str | None,
    feature_maps: str,
    batch_size: int,
    probe: int | None,
    reading: str | None,
    value_range: Any,
    preprocess: str | None = None,
    head: str | None = None,
    threshold: float | Sequence[float] | None = None,
    precision: str | None = None,
) -> Request:
    """Return what is asked of every run.

    Raises:
        TypeError: an argument is of a type that it cannot have.
        ValueError: an argument is out of range.
        StoreError: no run can be stored at that place.
    """
    if experiment is not None:
        checked_text("experiment", experiment)
    size = checked_count("batch_size", batch_size)
    if pixel_range is not None and checked_text("pixel_range", pixel_range) not in PIXEL_RANGES:
        raise ValueError(f"pixel_range is {pixel_range!r}; it is one of {[*PIXEL_RANGES]}.")
    if preprocess is not None and checked_text("preprocess", preprocess) not in PREPROCESSES:
        raise ValueError(f"preprocess is {preprocess!r}; it is one of {[*PREPROCESSES]}.")
    if preprocess is not None and pixel_range is not None:
        raise ValueError("give pixel_range or preprocess, not both.")
    if not re.fullmatch(
        r"all|none|last:[1-9][0-9]{0,8}", checked_text("feature_maps", feature_maps)
    ):
        raise ValueError(f"feature_maps is {feature_maps!r}; give 'all', 'none' or 'last:N'.")
    if reading is not None and checked_text("reading", reading) not in READINGS:
        raise ValueError(f"reading is {reading!r}; it is one of {[*READINGS]}.")
    if head is not None and checked_text("head", head) not in HEADS:
        raise ValueError(f"head is {head!r}; it is one of {[*HEADS]}.")
    if precision is not None:
        checked_precision(precision)
    values = checked_values(value_range)
    place = checked_path("store", store)
    check_writable(place)
    return Request(
        store=place,
        pixel_range=pixel_range,
        preprocess=preprocess,
        head=head,
        thresholds=checked_thresholds(threshold),
        batch_size=size,
        feature_maps=feature_maps,
        limit=None if probe is None else checked_count("probe", probe),
        reading=reading,
        value_range=None if values is None else str(values),
        precision=precision,
    )


def checked_count(name: str, value: Any, least: int = 1) -> int:
    """Return a whole number of ``least`` or more, NumPy's included.

    Raises:
        TypeError, ValueError: it is something else.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} is {value!r}; it has to be a whole number.")
    number = operator.index(value)
    if number < least:
        raise ValueError(f"{name} is {number}; it must be {least} or more.")
    return number


def checked_precision(value: Any) -> str:
    """Return a precision that can be asked for.

    Raises:
        TypeError, ValueError: it is something else.
    """
    if checked_text("precision", value) not in PRECISIONS:
        raise ValueError(f"precision is {value!r}; it is one of {[*PRECISIONS]}.")
    return str(value)


def checked_values(value: Any) -> ValueRange | None:
    """Return the values that are black and white, if they are given.

    Raises:
        TypeError, ValueError: it is something else than two numbers in their order.
    """
    if value is None:
        return None
    try:
        low, high = map(float, () if isinstance(value, str | bytes) else value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"value_range is {value!r}; give two numbers, as in (0, 4095).") from error
    return checked_range(low, high)


def checked_thresholds(value: Any) -> tuple[float, ...] | None:
    """Return the thresholds of labels, if they are given: one number, or one a label.

    Raises:
        TypeError, ValueError: it is something else than numbers between 0 and 1.
    """
    if value is None:
        return None
    try:
        found = tuple(map(float, value if hasattr(value, "__iter__") else (value,)))
    except (TypeError, ValueError) as error:
        raise TypeError(f"threshold is {value!r}; give a number, or one a label.") from error
    if not found or not all(0 < one < 1 for one in found):
        raise ValueError(f"threshold is {value!r}; it must be above 0 and below 1.")
    return found


def checked_text(name: str, value: Any) -> str:
    """Text with something in it.

    Raises:
        TypeError, ValueError: it is something else.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}; it has to be text.")
    if not value.strip():
        raise ValueError(f"{name} is empty.")
    return value


def checked_path(name: str, value: Any) -> str:
    """Text, or a path as text.

    Raises:
        TypeError, ValueError: it is something else.
    """
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} is {value!r}; it has to be text or a path.")
    return checked_text(name, os.fspath(value))


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of classes, as plain text.

    Raises:
        TypeError, ValueError: one is no text, or all of it is one text.
    """
    if isinstance(names, str | bytes) or not hasattr(names, "__iter__"):
        raise TypeError(f"class_names is {names!r}; give a list with a name for each class.")
    return tuple(str(checked_text("one of class_names", name)) for name in names)


class CheckpointPath:
    """The path of the file in which a training saves an epoch's weights.

    Args:
        pattern: a format string as ``keras.callbacks.ModelCheckpoint`` takes it: ``{epoch}`` is the
            epoch as ``fit`` counts it, from 1, and other fields are values of the epoch's ``logs``.

    Raises:
        TypeError: it is no text or path.
        ValueError: no epoch's number and logs could be written so.
    """

    def __init__(self, pattern: Any) -> None:
        self._pattern = checked_path("checkpoint", pattern)
        try:
            self._pattern.format_map(_Likely(epoch=1))
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise ValueError(
                f"checkpoint is {self._pattern!r}, which cannot be filled in ({error}); give a "
                "path like 'epoch-{epoch:02d}-{val_loss:.2f}.keras'."
            ) from error

    def of(self, epoch: int, logs: Mapping[str, Any]) -> str:
        """Return the path of an epoch.

        Raises:
            ValueError: the logs have not what the pattern asks for; the text says what they have.
        """
        try:
            return self._pattern.format_map({**logs, "epoch": epoch})
        except KeyError as error:
            has = ", ".join(sorted(logs)) or "nothing"
            raise ValueError(
                f"checkpoint {self._pattern!r} asks for {error.args[0]!r}, but the logs of an "
                f"epoch have {has}"
            ) from error
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise ValueError(
                f"checkpoint {self._pattern!r} cannot be filled in: {error}"
            ) from error


class _Likely(dict[str, Any]):
    """Logs that have every value; Keras gives floats."""

    def __missing__(self, name: str) -> float:
        return 0.5
