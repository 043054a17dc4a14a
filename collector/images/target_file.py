"""``targets.csv`` in a folder of pictures: what is right of each, a line a picture."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from collector.images.base import ImageSourceError
from collector.images.scan import Listing, display_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

NAME: Final = "targets.csv"


def taken_out(
    root: Path, listing: Listing
) -> tuple[Listing, NDArray[np.float32] | None, tuple[str, ...] | None]:
    """Return a folder's files without its ``targets.csv``, and what that says.

    Its first line names the columns: the file, then each label or value. Every other line has a
    picture's path in the folder, then 1 or 0 a label, or the values that are due; what is empty is
    not known, nor is anything of a picture without a line.

    Returns:
        The files; (files, K) float32 with NaN for what is not known; and K names. Where there is
        no such file, the files as they are and ``None`` twice.

    Raises:
        ImageSourceError: the file is not like that, or names none of the pictures.
    """
    if NAME not in listing.files:
        return listing, None, None
    path = root / NAME
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise ImageSourceError(f"cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ImageSourceError(f"{path} is not UTF-8 text.") from error
    files = tuple(file for file in listing.files if file != NAME)
    names, found = _read(path, text)
    targets = np.full((len(files), len(names)), np.nan, np.float32)
    for place, file in enumerate(files):
        if file in found:
            targets[place] = found.pop(file)
    if found:
        raise ImageSourceError(
            f"{path} names {len(found):,} files that are not in the folder ({next(iter(found))}); "
            "paths are those in the folder, with / between their parts."
        )
    digest = hashlib.sha256(listing.identity.encode() + content).hexdigest()
    return Listing(files, digest), targets, names


def _read(path: Path, text: str) -> tuple[tuple[str, ...], dict[str, list[float]]]:
    reader = csv.reader(io.StringIO(text))
    head = next(reader, [])
    names = tuple(display_name(name.strip()) for name in head[1:])
    if not names or not all(names):
        raise ImageSourceError(
            f"{path}: the first line has to name the columns: file, then each label or value."
        )
    found: dict[str, list[float]] = {}
    for row in reader:
        if not row:
            continue
        where = f"{path}, line {reader.line_num}"
        if len(row) != len(head):
            raise ImageSourceError(f"{where} has {len(row)} columns; the first has {len(head)}.")
        file = row[0].strip().removeprefix("./").replace("\\", "/")
        if file in found:
            raise ImageSourceError(f"{where}: {display_name(file)} stands there twice.")
        found[file] = _numbers(where, row[1:])
    return names, found


def _numbers(where: str, cells: Sequence[str]) -> list[float]:
    numbers = []
    for cell in cells:
        text = cell.strip()
        try:
            numbers.append(float(text) if text else math.nan)
        except ValueError as error:
            raise ImageSourceError(f"{where}: {display_name(text)!r} is no number.") from error
        if math.isinf(numbers[-1]):
            raise ImageSourceError(f"{where}: {text} is infinite; leave empty what is not known.")
    return numbers
