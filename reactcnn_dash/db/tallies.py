"""How many images of a run are of each kind, kept with every batch: counting costs no walk."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import bindparam, func, literal_column, select, type_coerce

from reactcnn_dash.db.columns import optional
from reactcnn_dash.db.engine import insert_beside
from reactcnn_dash.db.models import images, runs, shares, tallies
from reactcnn_dash.db.records import RunState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from sqlalchemy import ColumnElement, Connection

    from reactcnn_dash.db.search import ImageFilter

NO_LABEL = -1

_KEY = (tallies.c.run_id, tallies.c.label, tallies.c.prediction, tallies.c.answered)
_KINDS = select(tallies.c.label, tallies.c.prediction, tallies.c.answered, tallies.c.images).where(
    tallies.c.run_id == bindparam("run_id")
)
_RUN = (
    select(
        runs.c.stored,
        runs.c.state,
        type_coerce(shares.c.images, optional(shares.c.images)).label("images"),
    )
    .outerjoin(shares, shares.c.run_id == runs.c.id)
    .where(runs.c.id == bindparam("run_id"))
)


_LABEL = func.coalesce(images.c.label, NO_LABEL)
_ANSWERED = images.c.confidence.is_not(None)
_COUNTED_NOW = (
    select(_LABEL, images.c.prediction, _ANSWERED, func.count())
    .where(
        images.c.run_id == bindparam("run_id"),
        select(runs.c.stored).where(runs.c.id == bindparam("run_id")).scalar_subquery()
        > images.c.ordinal + literal_column("0"),
    )
    .group_by(_LABEL, images.c.prediction, _ANSWERED)
)


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """How many images there are of each of k kinds.

    `labels` (k,) int64, -1 = none; `predictions` (k,) int64; `answered` (k,) bool, whether the
    probabilities are finite; `images` (k,) int64.
    """

    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]
    answered: NDArray[np.bool_]
    images: NDArray[np.int64]


def add_to_tally(connection: Connection, run_id: int, rows: Iterable[Mapping[str, Any]]) -> None:
    """Count the rows of images that are stored in this transaction.

    Several collectors of one run must hold the run's row, so that none waits for another's counts
    while that waits for its.
    """
    kinds = Counter(
        (
            NO_LABEL if row["label"] is None else row["label"],
            row["prediction"],
            row["confidence"] is not None,
        )
        for row in rows
    )
    if not kinds:
        return
    values = [
        {"run_id": run_id, "label": label, "prediction": given, "answered": known, "images": count}
        for (label, given, known), count in sorted(kinds.items())
    ]
    adding = insert_beside(connection, tallies)
    more = tallies.c.images + adding.excluded.images
    connection.execute(
        adding.on_conflict_do_update(index_elements=_KEY, set_={"images": more}), values
    )


def tally_of(connection: Connection, run_id: int) -> Tally:
    """Return the counts of all kinds of images of a run."""
    counted_before = images_counted(connection, run_id) is not None
    statement = _KINDS if counted_before else _COUNTED_NOW
    rows = connection.execute(statement, {"run_id": run_id}).all()
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [()] * 4
    labels, predictions, answered, counts = columns
    return Tally(
        np.array(labels, np.int64),
        np.array(predictions, np.int64),
        np.array(answered, bool),
        np.array(counts, np.int64),
    )


def images_counted(connection: Connection, run_id: int) -> int | None:
    """Return how many images a run has, if its tally is of just these; None if it is not.

    It is not while images of a shared run lie behind a gap, and while a run is being deleted.
    """
    row = connection.execute(_RUN, {"run_id": run_id}).first()
    if row is None or row.state == RunState.DELETING or row.images not in (None, row.stored):
        return None
    return int(row.stored)


def counted(connection: Connection, run_id: int, wanted: ImageFilter) -> int:
    """Return how many images are wanted, wherever in the run they are."""
    kinds: list[ColumnElement[bool]] = [tallies.c.run_id == run_id]
    if wanted.label is not None:
        kinds.append(tallies.c.label == wanted.label)
    if wanted.prediction is not None:
        kinds.append(tallies.c.prediction == wanted.prediction)
    if wanted.answered is not None:
        kinds.append(tallies.c.answered if wanted.answered else ~tallies.c.answered)
    if wanted.misclassified:
        right = tallies.c.answered & (tallies.c.label == tallies.c.prediction)
        kinds += [tallies.c.label != NO_LABEL, ~right]
    total = select(func.coalesce(func.sum(tallies.c.images), 0)).where(*kinds)
    return int(connection.execute(total).scalar_one())


def labels_of(connection: Connection, run_id: int, prediction: int) -> list[int]:
    """Return the labels of the images that were given a class, -1 for none."""
    found = select(tallies.c.label).where(
        tallies.c.run_id == run_id, tallies.c.prediction == prediction
    )
    return sorted({int(one) for one in connection.execute(found).scalars()})
