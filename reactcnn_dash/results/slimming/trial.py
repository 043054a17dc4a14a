"""Making a slim network of a run's from the page: the command, and whether it can run here."""

from __future__ import annotations

import re
import shlex
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reactcnn_dash.db import StoreAddress
from reactcnn_dash.errors import UserError
from reactcnn_dash.jobs.command import Command
from reactcnn_dash.vocabulary import (
    CALIBRATION,
    IMAGE_SETS,
    PACKAGED,
    READINGS,
    SLIM_BUDGETS,
    SLIM_METHODS,
    SLIM_SHARES,
)

if TYPE_CHECKING:
    from reactcnn_dash.db import Run
    from reactcnn_dash.jobs.command import CommandState

_OF_NETWORK: Final = ("preprocess", "classes")
_OF_IMAGES: Final = ("reading", "value_range")
"""Options of a run that slimming takes too: those of its network, and those of its images."""


class TrialRefused(UserError):
    """A slim network cannot be made from the page; the text says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for.

    Attributes:
        run: a run of the whole network.
        calibration: the run whose images it is slimmed with.
        evaluation: the run whose images it is measured with.
        budget: one of ``vocabulary.SLIM_BUDGETS``.
        share: of it that may stay, one of ``SLIM_SHARES``, in per cent.
        method: one of ``SLIM_METHODS``.
    """

    run: Run
    calibration: Run
    evaluation: Run
    budget: str
    share: int
    method: str

    def check(self) -> None:
        """Refuse what the page cannot have asked.

        Raises:
            TrialRefused: saying what is wrong.
        """
        known = self.budget in SLIM_BUDGETS and self.method in SLIM_METHODS
        if not known or self.share not in SLIM_SHARES:
            raise TrialRefused(
                f"That is no budget: take {SLIM_SHARES[0]} to {SLIM_SHARES[-1]} % and a method of "
                "the list."
            )


def obstacle(wanted: Wanted) -> str | None:
    """Return why a network cannot be slimmed on this machine, None if it can."""
    source = wanted.run.checkpoint.source
    calibration, evaluation = wanted.calibration, wanted.evaluation
    if source not in PACKAGED and not (source.endswith(".keras") and Path(source).is_file()):
        return f"The model's file, {source}, is not on the machine of this server."
    for one in {calibration.id: calibration, evaluation.id: evaluation}.values():
        spec = str(one.options.get("images", ""))
        if not spec or (spec not in IMAGE_SETS and not Path(spec).exists()):
            return f"The images of {one.name} ({one.image_source}) are not on this machine."
    for one in (wanted.run, calibration, evaluation):
        # A store may be anybody's: code that it names is not run.
        special = [name for name in ("custom",) if one.options.get(name) is not None]
        if one.options.get("head") == "none":
            special.append("head")
        if special:
            options = " and ".join(f"--{name}" for name in special)
            return f"{one.name} was collected with {options}, which the page does not slim with."
    for name in _OF_IMAGES:
        if _option(calibration, name) != _option(evaluation, name):
            return (
                f"{calibration.name} and {evaluation.name} were collected with different "
                f"{_as_option(name)}: take images that are read alike."
            )
    names = wanted.run.options.get("classes")
    if names is not None and "/" in str(names) and not Path(str(names)).is_file():
        return f"The file of the names of classes, {names}, is not on this machine."
    return None


def words(wanted: Wanted, store: str, output: str) -> list[str]:
    """Return the command that makes a slim network, without ``python -m``.

    Args:
        wanted: how slim.
        store: the store, as a URL or path.
        output: the file to write.
    """
    run, calibration, evaluation = wanted.run, wanted.calibration, wanted.evaluation
    result = ["collector", "slim", "--model", run.checkpoint.source]
    result += ["--images", str(calibration.options.get("images", "IMAGES"))]
    result += ["--limit", str(min(CALIBRATION, max(calibration.stored, 1)))]
    pixel_range = str(run.options.get("pixel_range", "0-255"))
    if pixel_range != "0-255" and _option(run, "preprocess") is None:
        # With a sign in front it would be taken for an option.
        result.append(f"--pixel-range={pixel_range}")
    result += [
        f"{_as_option(name)}={value}"
        for one, names in ((run, _OF_NETWORK), (calibration, _OF_IMAGES))
        for name in names
        if (value := _option(one, name)) is not None
    ]
    head = run.options.get("head")
    if head is not None:
        result += ["--head", str(head)]
    result += [f"--{wanted.budget}", f"{wanted.share}%"]
    if wanted.method != next(iter(SLIM_METHODS)):
        result += ["--method", wanted.method]
    result += ["--evaluate", str(evaluation.options.get("images", "IMAGES"))]
    if evaluation.options.get("limit") or evaluation.options.get("first"):
        result += ["--evaluate-limit", str(evaluation.stored)]
    return [*result, "--store", store, "--output", output]


def _option(run: Run, name: str) -> str | None:
    """Return an option of a run as it would be given, None where it is the usual one."""
    value = run.options.get(name)
    return None if value is None or value == READINGS[0] else str(value)


def _as_option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def as_text(command: list[str]) -> str:
    """Return a command to copy into a terminal."""
    return f"python -m {shlex.join(command)}"


def output_name(wanted: Wanted) -> str:
    """Return the name of the file that a slim network is written to."""
    model = re.sub(r"[^A-Za-z0-9]+", "-", wanted.run.checkpoint.model).strip("-").lower() or "model"
    return f"{model}-{wanted.budget}-{wanted.share}-{wanted.method}.keras"


def free_output(url: str, wanted: Wanted) -> Path:
    """Return a file that is not there yet, in a folder beside the store, which is made.

    Raises:
        TrialRefused: the folder cannot be made.
    """
    place = StoreAddress.of(url)
    beside = Path.cwd() / "reactcnn" if place.path is None else place.path.absolute()
    folder = beside.with_name(f"{beside.stem}-slim")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise TrialRefused(f"Cannot make the folder {folder}: {error.strerror}.") from error
    stem = Path(output_name(wanted)).stem
    number, free = 1, stem
    while any(folder.glob(f"{free}.keras")) or any(folder.glob(f"{free}-result.json")):
        number += 1
        free = f"{stem}-{number}"
    return folder / f"{free}.keras"


class Trials:
    """Slim networks made from the page, one at a time.

    Args:
        url: the store's URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._command = Command("Another network is being made. Try again when it is done.")
        self._run: int | None = None

    def recipe(self, wanted: Wanted) -> str:
        """Return the command for what is wanted, to copy."""
        store = self._url.removeprefix("sqlite:///")
        return as_text(words(wanted, store, output_name(wanted)))

    def begin(self, wanted: Wanted) -> None:
        """Begin to make one.

        Raises:
            TrialRefused: it cannot be made here.
            CommandBusy: another one is being made.
        """
        in_the_way = obstacle(wanted)
        if in_the_way is not None:
            raise TrialRefused(in_the_way)
        with self._lock:
            output = str(free_output(self._url, wanted))
            self._command.start([*words(wanted, self._url, output), "--progress", "lines"])
            self._run = wanted.run.id

    def cancel(self) -> None:
        """Let the one under way end."""
        self._command.cancel()

    def state(self) -> tuple[CommandState | None, int | None]:
        """Return how far the last one is, and of which run's network it is."""
        return self._command.state(), self._run
