"""The folder of a training: its settings, and one ``.keras`` file an epoch."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector.errors import CollectorError
from collector.request import DEFAULT_PIXEL_RANGE, DEFAULT_STORE
from reactcnn_dash.db import FLOAT32
from reactcnn_dash.kinds import fits, read_json

if TYPE_CHECKING:
    from collections.abc import Callable

PATTERN = "epoch-{epoch:03d}.keras"
_SETTINGS = "training.json"


class TrainingError(CollectorError):
    """A training cannot begin or go on."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a training has from its beginning to its end.

    The store alone may be another one when it goes on; the others settle what is computed.
    Trainings begun before probe images were drawn have the first ones, those begun before it was
    noted know neither the size of their images nor which these are.

    Attributes:
        size: height and width of the images as the model is given them.
        identity: SHA-256 (hex) of what it is trained on and probed with, see ``data.Data``.
    """

    data: str
    validation: str | None
    probe: int
    epochs: int
    batch_size: int
    learning_rate: float
    start: str | None
    experiment: str
    seed: int
    store: str = DEFAULT_STORE
    classes: str | None = None
    value_range: str | None = None
    drawn: bool = False
    teacher: str | None = None
    precision: str = FLOAT32
    pixel_range: str | None = None
    preprocess: str | None = None
    size: list[int] | None = None
    identity: str | None = None

    @property
    def scaling(self) -> str:
        """What is done to pixel values, a key of ``SCALINGS``."""
        return self.preprocess or self.pixel_range or DEFAULT_PIXEL_RANGE


class Checkpoints:
    """The folder.

    Args:
        folder: where; made when the training begins.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder).expanduser().resolve()

    def newest(self) -> int:
        """Return the last epoch that has a file, 0 if there is none."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except OSError:
            return 0
        found = [re.fullmatch(r"epoch-([0-9]{3,})\.keras", name) for name in names]
        return max((int(match[1]) for match in found if match), default=0)

    def path(self, epoch: int) -> Path:
        """Return the file of an epoch."""
        return self.folder / PATTERN.format(epoch=epoch)

    def begin(self, settings: Settings) -> None:
        """Make the folder and keep the settings in it.

        Raises:
            TrainingError: there is a training in it already, or it cannot be written.
        """
        if self.newest():
            raise TrainingError(
                f"{self.folder} has checkpoints of a training; go on with --resume, or give "
                "another folder with --checkpoints."
            )
        text = json.dumps(asdict(settings), indent=2) + "\n"
        self._write(self.folder / _SETTINGS, lambda path: path.write_text(text))

    def settings(self) -> Settings:
        """Return the settings of the training.

        Raises:
            TrainingError: there is none, or the file is damaged.
        """
        path = self.folder / _SETTINGS
        try:
            found = Settings(**read_json(path.read_text()))
        except FileNotFoundError as error:
            raise TrainingError(
                f"no training in {self.folder}: begin one without --resume."
            ) from error
        except (OSError, ValueError, TypeError) as error:
            raise TrainingError(f"{path} cannot be read; begin a new training.") from error
        if not fits(found, Settings):
            raise TrainingError(f"{path} cannot be read; begin a new training.")
        return found

    def save(self, epoch: int, model: Any) -> None:
        """Write an epoch's file whole or not at all.

        Raises:
            TrainingError: it cannot be written; older files are safe.
        """
        self._write(self.path(epoch), model.save)

    def _write(self, path: Path, write: Callable[[Path], Any]) -> None:
        partial = path.with_name(f".partial-{path.name}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                write(partial)
                with partial.open("rb+") as file:
                    os.fsync(file.fileno())
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise TrainingError(
                f"cannot write {path}: {error.strerror or error}; --resume goes on from the last "
                "whole checkpoint."
            ) from error
