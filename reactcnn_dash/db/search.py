"""Looking for images of a run by what is known of them, in indexes alone.

Everything that is asked for and answered stands in each of them, and no row of an image is touched.
How many images are found is known from the tallies, and a page of them is read in one of two ways,
whichever looks at fewer entries: by walking through an index in the order that is wanted, past the
images that are not; or, where few are wanted, by gathering these and sorting them. Of N images some
√(60 N) are looked at at most for the first page, 8,000 of a million, most often some hundred.

What is known of labels and values stands in the short rows of `targets`. Where a run has any, and
where its tally counts other images than are to be found, all that is wanted is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sqlalchemy import ColumnElement, false, func, literal_column, null, select, union_all

from reactcnn_dash.db.models import images, runs, targets
from reactcnn_dash.db.queries import NUMBER, OF_IMAGE
from reactcnn_dash.db.tallies import NO_LABEL, counted, images_counted, labels_of
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


_MOST_GATHERED: Final = 512
"""Wanted images that are always gathered: sorting them costs less than asking what else to do."""
_HIT = (
    images.c.ordinal,
    images.c.label,
    images.c.prediction,
    images.c.misclassified,
    images.c.confidence,
    null().label("error"),
)


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


def _of_labels(scope: Scope, wanted: ImageFilter, *, plain: bool) -> Iterator[ColumnElement[bool]]:
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
    nothing: ColumnElement[int] = literal_column("0")
    label, prediction = images.c.label, images.c.prediction
    if wanted.label is not None:
        yield (label if plain else label + nothing) == wanted.label
    if wanted.prediction is not None:
        yield (prediction if plain else prediction + nothing) == wanted.prediction
    if wanted.missed is not None or wanted.extra is not None:
        yield false()


def _conditions(
    scope: Scope, wanted: ImageFilter, *, plain: bool = True
) -> list[ColumnElement[bool]]:
    """Return the conditions for what is wanted.

    Args:
        scope: the run.
        wanted: what is wanted.
        plain: let the database look for labels and predictions by an index; otherwise it only looks
            at them as it walks in the order that is wanted.
    """
    # Of a shared run there may be images behind a gap: they are found when the gap is closed.
    stored = select(runs.c.stored).where(runs.c.id == scope.run_id).scalar_subquery()
    conditions = [
        images.c.run_id == scope.run_id,
        stored > NUMBER,
        *_of_labels(scope, wanted, plain=plain),
    ]
    if wanted.misclassified:
        conditions.append(images.c.misclassified)
    if wanted.answered is not None:
        known = images.c.confidence
        conditions.append(known.is_not(None) if wanted.answered else known.is_(None))
    if wanted.first is not None:
        conditions.append(wanted.first <= NUMBER)
    if wanted.last is not None:
        conditions.append(wanted.last >= NUMBER)
    return conditions


def _sorting(
    order: SearchOrder,
    number: ColumnElement[int] = NUMBER,
    confidence: ColumnElement[Any] = images.c.confidence,
) -> list[ColumnElement[Any]]:
    """Return what hits are sorted by; by their errors only where there are any."""
    if order is SearchOrder.ERROR:
        return [targets.c.error.is_(None), targets.c.error.desc(), number]
    if order is SearchOrder.ORDINAL:
        return [number]
    by = confidence if order is SearchOrder.UNSURE else confidence.desc()
    # Databases differ in where NULL goes.
    return [confidence.is_(None), by, number]


def _gathered(
    scope: Scope, wanted: ImageFilter, order: SearchOrder, *, plain: bool = True
) -> Select[Any]:
    """Return the statement that looks at all that is wanted, and sorts it."""
    conditions = _conditions(scope, wanted, plain=plain)
    return select(*_HIT).where(*conditions).order_by(*_sorting(order))


def _walked(scope: Scope, wanted: ImageFilter, order: SearchOrder) -> Select[Any]:
    """Return the statement that walks in the order that is wanted; by confidence to answers only.

    By ordinals it may begin in the middle; those without an answer are walked by ordinals.
    """
    statement = select(*_HIT).where(*_conditions(scope, wanted, plain=False))
    if order is SearchOrder.ORDINAL:
        return statement.order_by(images.c.ordinal)
    confidence = images.c.confidence
    by = confidence if order is SearchOrder.UNSURE else confidence.desc()
    return statement.where(confidence > -1.0).order_by(by, images.c.ordinal)


@dataclass(frozen=True, slots=True)
class _Looking:
    """A search in a run of ``stored`` images, whose tally is of just these."""

    connection: Connection
    scope: Scope
    wanted: ImageFilter
    stored: int

    def total(self, **also: Any) -> int:
        """Return how many images are wanted."""
        wanted = replace(self.wanted, **also)
        if wanted.missed is not None or wanted.extra is not None:
            return 0
        if wanted.first is None and wanted.last is None:
            return counted(self.connection, self.scope.run_id, wanted)
        conditions = _conditions(self.scope, wanted, plain=False)
        return _count(self.connection, conditions)

    def hits(self, order: SearchOrder, offset: int, limit: int, total: int) -> list[Hit]:
        """Return some of the hits, of which there are ``total``."""
        if offset >= total:
            return []
        few = self._few(order, offset, limit, total)
        if few is not None:
            return _page(self.connection, few, offset, limit)
        if order is SearchOrder.ORDINAL:
            return self._in_order(offset, limit, total)
        answered = 0 if self.wanted.answered is False else self.total(answered=True)
        found: list[Hit] = []
        if offset < answered:
            walk = _walked(self.scope, self.wanted, order)
            found = _page(self.connection, walk, offset, min(limit, answered - offset))
        if len(found) < limit and answered < total:
            # Those without an answer come last, by their ordinals.
            rest = _Looking(
                self.connection, self.scope, replace(self.wanted, answered=False), self.stored
            )
            after = max(0, offset - answered)
            found += rest._in_order(after, limit - len(found), total - answered)
        return found

    def _in_order(self, offset: int, limit: int, total: int) -> list[Hit]:
        if total == self.stored:
            # All images are wanted, and the first of them is known.
            within = replace(self.wanted, first=offset, last=offset + limit - 1)
            return _page(
                self.connection, _walked(self.scope, within, SearchOrder.ORDINAL), 0, limit
            )
        walk = _walked(self.scope, self.wanted, SearchOrder.ORDINAL)
        return _page(self.connection, walk, offset, limit)

    def _few(self, order: SearchOrder, offset: int, limit: int, total: int) -> Select[Any] | None:
        """Return how to gather what is wanted, where that is less than walking past all else."""
        wanted = self.wanted
        # Those that are misclassified have an index of their own by ordinals.
        alone = wanted.misclassified and order is SearchOrder.ORDINAL
        walked = self._wrong() if alone else self.stored
        if total > max(_MOST_GATHERED, (offset + limit) * walked // total):
            return None
        within = wanted.first is not None or wanted.last is not None
        if wanted.label is not None and not within:
            return _gathered(self.scope, wanted, order)
        if wanted.prediction is not None and not within:
            return self._by_label(order)
        if wanted.misclassified or within:
            return _gathered(self.scope, wanted, order, plain=False)
        return None

    def _by_label(self, order: SearchOrder) -> Select[Any]:
        """Return how to gather what was given a class: label by label, as the index has it."""
        labels = labels_of(self.connection, self.scope.run_id, self.wanted.prediction or 0)
        this = select(*_HIT).where(*_conditions(self.scope, self.wanted))
        label = images.c.label
        parts = [
            this.where(label.in_([one for one in labels if one != NO_LABEL])),
            *([this.where(label.is_(None))] if NO_LABEL in labels else []),
        ]
        found = union_all(*parts).subquery()
        return select(found).order_by(*_sorting(order, found.c.ordinal, found.c.confidence))

    def _wrong(self) -> int:
        return counted(self.connection, self.scope.run_id, ImageFilter(misclassified=True))

    def place(self, order: SearchOrder, ordinal: int) -> int | None:
        """Return the place of one image among the hits; see `SearchPage`."""
        last = ordinal - 1 if self.wanted.last is None else min(ordinal - 1, self.wanted.last)
        before = replace(self.wanted, last=last)
        if order is SearchOrder.ORDINAL:
            return self._before(before) if ordinal > 0 else 0
        this = _conditions(self.scope, _only(self.wanted, ordinal), plain=False)
        found = self.connection.execute(select(images.c.confidence).where(*this)).first()
        if found is None:
            return None
        if found.confidence is None:
            answered = 0 if self.wanted.answered is False else self.total(answered=True)
            return answered + self._before(replace(before, answered=False))
        confidence = images.c.confidence
        lower = order is SearchOrder.UNSURE
        ahead = confidence < found.confidence if lower else confidence > found.confidence
        same = (confidence == found.confidence) & (ordinal > NUMBER)
        conditions = _conditions(self.scope, self.wanted, plain=False)
        known = confidence > -1.0
        return _count(self.connection, [*conditions, known, ahead]) + _count(
            self.connection, [*conditions, same]
        )

    def _before(self, before: ImageFilter) -> int:
        if before.last is not None and before.last < (before.first or 0):
            return 0
        if before == ImageFilter(last=before.last) and before.last is not None:
            return min(before.last + 1, self.stored)
        return _count(self.connection, _conditions(self.scope, before, plain=False))


def _count(connection: Connection, conditions: list[ColumnElement[bool]]) -> int:
    counting = select(func.count()).select_from(images).where(*conditions)
    return int(connection.execute(counting).scalar_one())


def _page(connection: Connection, statement: Select[Any], offset: int, limit: int) -> list[Hit]:
    return [Hit(*row) for row in connection.execute(statement.offset(offset).limit(limit))]


def _all_looked_at(
    connection: Connection,
    scope: Scope,
    wanted: ImageFilter,
    order: SearchOrder,
    part: tuple[int, int, int | None],
) -> SearchPage:
    """Return a page by looking at all that is wanted."""
    offset, limit, near = part
    conditions = _conditions(scope, wanted)
    total = _total(connection, scope, wanted)
    columns = (*_HIT[:-1], scope.error)
    found = select(*columns).select_from(scope.rows).where(*conditions).order_by(*_sorting(order))
    hits = _page(connection, found, offset, limit)
    place = None
    if near is not None and order is SearchOrder.ORDINAL:
        place = _total(connection, scope, wanted, near > NUMBER)
    elif near is not None:
        at = func.row_number().over(order_by=_sorting(order)) - 1
        numbered = (
            select(images.c.ordinal, at.label("place"))
            .select_from(scope.rows)
            .where(*conditions)
            .subquery()
        )
        asked = select(numbered.c.place).where(numbered.c.ordinal == near)
        place = connection.execute(asked).scalar()
    return SearchPage(total=total, hits=tuple(hits), place=place)


def _total(
    connection: Connection, scope: Scope, wanted: ImageFilter, *also: ColumnElement[bool]
) -> int:
    counting = select(func.count()).select_from(scope.rows)
    found = counting.where(*_conditions(scope, wanted), *also)
    return int(connection.execute(found).scalar_one())


def _found(connection: Connection, scope: Scope, wanted: ImageFilter, ordinal: int) -> bool:
    conditions = _conditions(scope, _only(wanted, ordinal), plain=False)
    return _count(connection, conditions) > 0


def _only(wanted: ImageFilter, ordinal: int) -> ImageFilter:
    """Return a search for one image, as a range: by its number alone SQLite would read its row."""
    first = ordinal if wanted.first is None else max(ordinal, wanted.first)
    last = ordinal if wanted.last is None else min(ordinal, wanted.last)
    return replace(wanted, first=first, last=last)


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
    """Return some of the hits, how many there are, and the place of the image `near`.

    The place takes as long as there are images before it; the rest does not, but in runs that have
    targets, or images that their tally does not count.
    """
    scope, stored = _scope(connection, run_id), images_counted(connection, run_id)
    if order is SearchOrder.ERROR and not scope.targets:
        # Without any error their ordinals sort them; an image that is not found has no place.
        order = SearchOrder.ORDINAL
        near = near if near is not None and _found(connection, scope, wanted, near) else None
    if scope.targets or stored is None:
        return _all_looked_at(connection, scope, wanted, order, (offset, limit, near))
    looking = _Looking(connection, scope, wanted, stored)
    total = looking.total()
    hits = looking.hits(order, offset, limit, total)
    place = None if near is None else looking.place(order, near)
    return SearchPage(total=total, hits=tuple(hits), place=place)


def count_matching(connection: Connection, run_id: int, wanted: ImageFilter) -> int:
    """Return how many images are wanted."""
    scope, stored = _scope(connection, run_id), images_counted(connection, run_id)
    if scope.targets or stored is None:
        return _total(connection, scope, wanted)
    return _Looking(connection, scope, wanted, stored).total()


def matching_ordinals(
    connection: Connection, run_id: int, wanted: ImageFilter
) -> NDArray[np.int64]:
    """Return the ordinals of all hits, ascending."""
    scope = _scope(connection, run_id)
    found = select(images.c.ordinal).select_from(scope.rows)
    found = found.where(*_conditions(scope, wanted)).order_by(NUMBER)
    return np.fromiter(connection.execute(found).scalars(), np.int64)


def matching_among(
    connection: Connection, run_id: int, wanted: ImageFilter, ordinals: Sequence[int]
) -> NDArray[np.int64]:
    """Return which of some images are wanted, ascending; at most a few thousand are asked about."""
    scope = _scope(connection, run_id)
    conditions = _conditions(scope, wanted, plain=False)
    among = images.c.ordinal.in_(ordinals)
    asked = select(images.c.ordinal).select_from(scope.rows).where(*conditions, among)
    return np.sort(np.fromiter(connection.execute(asked).scalars(), np.int64))
