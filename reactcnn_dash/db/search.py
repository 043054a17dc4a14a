"""Looking for images of a run by what is known of them, in the index `ix_images_search` alone.

Everything that is asked for and answered stands in that index: 50,000 images are looked through in
some 2 MB, and none of their rows is touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import ColumnElement, func, literal_column, select

from reactcnn_dash.db.queries import images, runs

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy import Connection, Select


class SearchOrder(StrEnum):
    """How images that were found are sorted; equal ones by their ordinal."""

    ORDINAL = "ordinal"
    UNSURE = "unsure"
    """The lowest confidence first; images without a finite answer last."""
    SURE = "sure"
    """The highest confidence first; images without a finite answer last."""


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which images of a run are meant; what is None does not matter.

    `label` and `prediction` are indices of classes, `first` and `last` the ordinals of a range,
    both included; `misclassified` asks for images that have a label and were predicted wrongly,
    `answered` for those whose probabilities are finite, or are not.
    """

    label: int | None = None
    prediction: int | None = None
    misclassified: bool = False
    first: int | None = None
    last: int | None = None
    answered: bool | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """An image that was found; `confidence` is None when its probabilities are not finite."""

    ordinal: int
    label: int | None
    prediction: int
    misclassified: bool | None
    confidence: float | None


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A part of what was found.

    `total` counts all that was found; `hits` are some of it, from the one asked for on; `place` is
    where a certain image stands among all, from 0 on. By ordinal it is where that image would
    stand if it is not among them; in other orders it is None then.
    """

    total: int
    hits: tuple[Hit, ...]
    place: int | None


# A bare column would let SQLite walk along the primary key, and read each row for the rest.
_NUMBER: ColumnElement[int] = images.c.ordinal + literal_column("0")


def _conditions(run_id: int, wanted: ImageFilter) -> list[ColumnElement[bool]]:
    # Of a shared run there may be images behind a gap: they are found when the gap is closed.
    stored = select(runs.c.stored).where(runs.c.id == run_id).scalar_subquery()
    conditions = [images.c.run_id == run_id, stored > _NUMBER]
    if wanted.label is not None:
        conditions.append(images.c.label == wanted.label)
    if wanted.prediction is not None:
        conditions.append(images.c.prediction == wanted.prediction)
    if wanted.misclassified:
        conditions.append(images.c.misclassified)
    if wanted.answered is not None:
        known = images.c.confidence
        conditions.append(known.is_not(None) if wanted.answered else known.is_(None))
    if wanted.first is not None:
        conditions.append(wanted.first <= _NUMBER)
    if wanted.last is not None:
        conditions.append(wanted.last >= _NUMBER)
    return conditions


def _sorting(order: SearchOrder) -> list[ColumnElement[Any]]:
    if order is SearchOrder.ORDINAL:
        return [_NUMBER]
    confidence = images.c.confidence
    by = confidence if order is SearchOrder.UNSURE else confidence.desc()
    # Databases differ in where NULL goes.
    return [confidence.is_(None), by, _NUMBER]


def hits_statement(
    run_id: int, wanted: ImageFilter, order: SearchOrder, offset: int, limit: int
) -> Select[Any]:
    """Return the statement for some of the hits."""
    return (
        select(
            images.c.ordinal,
            images.c.label,
            images.c.prediction,
            images.c.misclassified,
            images.c.confidence,
        )
        .where(*_conditions(run_id, wanted))
        .order_by(*_sorting(order))
        .offset(offset)
        .limit(limit)
    )


def total_statement(run_id: int, wanted: ImageFilter) -> Select[Any]:
    """Return the statement that counts the hits."""
    return select(func.count()).select_from(images).where(*_conditions(run_id, wanted))


def place_statement(
    run_id: int, wanted: ImageFilter, order: SearchOrder, ordinal: int
) -> Select[Any]:
    """Return the statement for the place of one image among the hits; see `SearchPage`."""
    if order is SearchOrder.ORDINAL:
        return total_statement(run_id, wanted).where(ordinal > _NUMBER)
    place = func.row_number().over(order_by=_sorting(order)) - 1
    numbered = (
        select(images.c.ordinal, place.label("place"))
        .where(*_conditions(run_id, wanted))
        .subquery()
    )
    return select(numbered.c.place).where(numbered.c.ordinal == ordinal)


def ordinals_statement(run_id: int, wanted: ImageFilter) -> Select[Any]:
    """Return the statement for the ordinals of all hits, ascending."""
    return select(images.c.ordinal).where(*_conditions(run_id, wanted)).order_by(_NUMBER)


def search_page(
    connection: Connection,
    run_id: int,
    wanted: ImageFilter,
    order: SearchOrder,
    *,
    offset: int,
    limit: int,
    near: int | None,
) -> SearchPage:
    """Return some of the hits, how many there are, and the place of the image `near`."""
    total = connection.execute(total_statement(run_id, wanted)).scalar_one()
    place = None
    if near is not None:
        place = connection.execute(place_statement(run_id, wanted, order, near)).scalar()
    rows = connection.execute(hits_statement(run_id, wanted, order, offset, limit))
    return SearchPage(total=total, hits=tuple(Hit(*row) for row in rows), place=place)


def matching_ordinals(
    connection: Connection, run_id: int, wanted: ImageFilter
) -> NDArray[np.int64]:
    """Return the ordinals of all hits, ascending."""
    rows = connection.execute(ordinals_statement(run_id, wanted)).scalars()
    return np.fromiter(rows, np.int64)
