"""Looking for images of a run by what is known of them, in the index `ix_images_search` alone.

Everything that is asked for and answered stands in that index: 50,000 images are looked through in
some 2 MB, and none of their rows is touched. What is known of labels and values stands in the short
rows of `targets`, which are looked at where a run has any.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import ColumnElement, false, func, literal_column, null, select

from reactcnn_dash.db.queries import OF_IMAGE, images, runs, targets
from reactcnn_dash.db.targets import GIVEN, RIGHT, Letter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection, FromClause, Select


class SearchOrder(StrEnum):
    """How images that were found are sorted; equal ones by their ordinal."""

    ORDINAL = "ordinal"
    UNSURE = "unsure"
    """The lowest confidence first; images without a finite answer last."""
    SURE = "sure"
    """The highest confidence first; images without a finite answer last."""
    ERROR = "error"
    """The largest error, or most wrong labels, first; images without a target last."""


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which images of a run are meant; what is None does not matter.

    `label` and `prediction` are indices of classes, `first` and `last` the ordinals of a range,
    both included; `misclassified` asks for images that have a label and were predicted wrongly,
    `answered` for those whose probabilities are finite, or are not.

    Where an image may have several labels, `label` asks for images of which that one is right, and
    `prediction` for those to which it was given; `missed` and `extra` for those to which a right
    one was not given, and a wrong one was; `misclassified` for those with any label wrong.
    """

    label: int | None = None
    prediction: int | None = None
    misclassified: bool = False
    first: int | None = None
    last: int | None = None
    answered: bool | None = None
    missed: int | None = None
    extra: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """An image that was found; `confidence` is None when its probabilities are not finite.

    `error` is that of its `Target`, None without one.
    """

    ordinal: int
    label: int | None
    prediction: int
    misclassified: bool | None
    confidence: float | None
    error: float | None


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


@dataclass(frozen=True, slots=True)
class Scope:
    """A run that is searched; whether it has any `targets`, and whether these are of `labels`."""

    run_id: int
    targets: bool = False
    labels: bool = False

    @property
    def rows(self) -> FromClause:
        """Where its images are looked for."""
        return images.outerjoin(targets, OF_IMAGE) if self.targets else images

    @property
    def error(self) -> ColumnElement[Any]:
        """The error of an image."""
        return targets.c.error if self.targets else null().label("error")


def _scope(connection: Connection, run_id: int) -> Scope:
    one = select(targets.c.hits).where(targets.c.run_id == run_id).limit(1)
    found = connection.execute(one).first()
    return Scope(run_id, found is not None, found is not None and found.hits is not None)


def _has(label: int, letters: Sequence[Letter]) -> ColumnElement[bool]:
    """Return whether the letter of a label is one of these."""
    return func.substr(targets.c.hits, label + 1, 1).in_(letters)


def _of_labels(scope: Scope, wanted: ImageFilter) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions for classes, or for labels of which several may be right."""
    if scope.labels:
        asked = [
            (wanted.label, RIGHT),
            (wanted.prediction, GIVEN),
            (wanted.missed, (Letter.MISSED,)),
            (wanted.extra, (Letter.FALSE,)),
        ]
        yield from (_has(label, letters) for label, letters in asked if label is not None)
        return
    if wanted.label is not None:
        yield images.c.label == wanted.label
    if wanted.prediction is not None:
        yield images.c.prediction == wanted.prediction
    if wanted.missed is not None or wanted.extra is not None:
        yield false()


def _conditions(scope: Scope, wanted: ImageFilter) -> list[ColumnElement[bool]]:
    # Of a shared run there may be images behind a gap: they are found when the gap is closed.
    stored = select(runs.c.stored).where(runs.c.id == scope.run_id).scalar_subquery()
    conditions = [images.c.run_id == scope.run_id, stored > _NUMBER, *_of_labels(scope, wanted)]
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


def _sorting(scope: Scope, order: SearchOrder) -> list[ColumnElement[Any]]:
    if order is SearchOrder.ERROR and scope.targets:
        return [targets.c.error.is_(None), targets.c.error.desc(), _NUMBER]
    if order in (SearchOrder.ORDINAL, SearchOrder.ERROR):
        return [_NUMBER]
    confidence = images.c.confidence
    by = confidence if order is SearchOrder.UNSURE else confidence.desc()
    # Databases differ in where NULL goes.
    return [confidence.is_(None), by, _NUMBER]


def hits_statement(
    scope: Scope, wanted: ImageFilter, order: SearchOrder, offset: int, limit: int
) -> Select[Any]:
    """Return the statement for some of the hits."""
    return (
        select(
            images.c.ordinal,
            images.c.label,
            images.c.prediction,
            images.c.misclassified,
            images.c.confidence,
            scope.error,
        )
        .select_from(scope.rows)
        .where(*_conditions(scope, wanted))
        .order_by(*_sorting(scope, order))
        .offset(offset)
        .limit(limit)
    )


def total_statement(scope: Scope, wanted: ImageFilter) -> Select[Any]:
    """Return the statement that counts the hits."""
    return select(func.count()).select_from(scope.rows).where(*_conditions(scope, wanted))


def place_statement(
    scope: Scope, wanted: ImageFilter, order: SearchOrder, ordinal: int
) -> Select[Any]:
    """Return the statement for the place of one image among the hits; see `SearchPage`."""
    if order is SearchOrder.ORDINAL:
        return total_statement(scope, wanted).where(ordinal > _NUMBER)
    place = func.row_number().over(order_by=_sorting(scope, order)) - 1
    numbered = (
        select(images.c.ordinal, place.label("place"))
        .select_from(scope.rows)
        .where(*_conditions(scope, wanted))
        .subquery()
    )
    return select(numbered.c.place).where(numbered.c.ordinal == ordinal)


def ordinals_statement(scope: Scope, wanted: ImageFilter) -> Select[Any]:
    """Return the statement for the ordinals of all hits, ascending."""
    found = select(images.c.ordinal).select_from(scope.rows)
    return found.where(*_conditions(scope, wanted)).order_by(_NUMBER)


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
    scope = _scope(connection, run_id)
    total = connection.execute(total_statement(scope, wanted)).scalar_one()
    place = None
    if near is not None:
        place = connection.execute(place_statement(scope, wanted, order, near)).scalar()
    rows = connection.execute(hits_statement(scope, wanted, order, offset, limit))
    return SearchPage(total=total, hits=tuple(Hit(*row) for row in rows), place=place)


def matching_ordinals(
    connection: Connection, run_id: int, wanted: ImageFilter
) -> NDArray[np.int64]:
    """Return the ordinals of all hits, ascending."""
    scope = _scope(connection, run_id)
    rows = connection.execute(ordinals_statement(scope, wanted)).scalars()
    return np.fromiter(rows, np.int64)
