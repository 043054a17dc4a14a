"""Which range the grey pictures of a folder are in, told once for all of them from a few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from collector.images.base import ImageSourceError
from collector.images.checks import refusal
from collector.images.convert import DAMAGE, is_deep, stored_values
from collector.images.meaning import meaning_of
from collector.images.pictures import SkipError, opened
from collector.images.scan import display_name
from collector.images.values import UNIT, DoubtError, ValueRange

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_LOOKED_AT = 8
_LOSSLESS = ("PNG", "BMP", "TIFF", "WEBP")


def grey_range(
    root: Path, files: Sequence[str], option: str
) -> tuple[ValueRange | None, str | None]:
    """Look at a few pictures, spread over the folder.

    One that is clear settles the others: a dark frame of a series is read as the bright ones are.
    Where none of the few is deep or black and white, each picture is judged when it is read.

    Args:
        root: the folder.
        files: paths in it.
        option: how the user gives a value range, with ``{}`` where its numbers go.

    Returns:
        The range, ``None`` to judge each picture; and what the user should know, one line.

    Raises:
        ImageSourceError: there are deep pictures, and all of those seen can be read in several
            ways.
    """
    places = np.unique(np.linspace(0, len(files) - 1, _LOOKED_AT).round().astype(int))
    deep: list[ValueRange] = []
    doubts: list[tuple[str, DoubtError]] = []
    plain: list[NDArray[Any]] = []
    colourful = False
    for file in (files[place] for place in places):
        try:
            with opened(root / file) as image:
                if is_deep(image):
                    deep.append(meaning_of(stored_values(image)).range)
                elif image.mode == "L" and image.format in _LOSSLESS:
                    plain.append(np.asarray(image).reshape(-1))
                else:
                    colourful = True
        except DoubtError as doubt:
            doubts.append((file, doubt))
        except (SkipError, UnidentifiedImageError, Image.DecompressionBombError, *DAMAGE):
            # Told with its reason when it is read.
            continue
    if deep:
        return max(deep, key=lambda one: one.high), None
    if doubts:
        file, first = doubts[0]
        raise ImageSourceError(refusal(display_name(str(root / file)), first, option))
    if not plain or colourful:
        return None, None
    meaning = meaning_of(np.concatenate(plain))
    if meaning.range == UNIT:
        return UNIT, "the values of its grey pictures are 0 and 1, taken for black and white."
    return None, None if meaning.notice is None else f"grey pictures: {meaning.notice}; " + (
        f"{option.format('LOW,HIGH')} says what white is, if it is not 255."
    )
