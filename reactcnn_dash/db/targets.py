"""What is right of images whose network answers with labels or values: rows, letters and counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reactcnn_dash.db.blobs import pack, unpack
from reactcnn_dash.db.errors import DamagedBlob
from reactcnn_dash.db.records import Answers, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.db.queries import AnyRow
    from reactcnn_dash.db.records import Float32Array

_NO_LABEL_SAID = "has no letter for each label"


class Letter(StrEnum):
    """What became of one label of one image."""

    HIT = "h"
    """It is right, and was given."""
    FALSE = "f"
    """It is not right, and was given."""
    MISSED = "m"
    """It is right, and was not given; so is a right one whose probability is not finite."""
    REST = "-"
    """It is not right, and was not given."""
    GIVEN = "+"
    """It was given, and nobody knows whether it is right."""
    UNKNOWN = "?"
    """It was not given, and nobody knows whether it is right; or its probability is not finite."""


RIGHT: Final = (Letter.HIT, Letter.MISSED)
"""Letters of a label that is right."""
GIVEN: Final = (Letter.HIT, Letter.FALSE, Letter.GIVEN)
"""Letters of a label that was given."""
_CODES: Final = np.frombuffer("".join(Letter).encode(), np.uint8)
_TRUTHS: Final = {Letter.HIT: 1.0, Letter.MISSED: 1.0, Letter.FALSE: 0.0, Letter.REST: 0.0}


@dataclass(frozen=True, slots=True, eq=False)
class PackedTargets:
    """Targets of B images as rows, and what they add to the run's counters.

    `labelled` and `right` (B,) bool say of which images something is known, and whether all of it
    was answered rightly: of labels alone. `errors` are those of values that can be told, in order.
    """

    rows: list[dict[str, Any]]
    labelled: NDArray[np.bool_]
    right: NDArray[np.bool_]
    errors: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What is known of the n images of a run that have a target, by ordinal.

    `ordinals` (n,) int64; `errors` (n,) float64, see `Target.error`, NaN where it cannot be told;
    `hits` (n, K) uint8, the code of a `Letter` a label, (n, 0) of values.
    """

    ordinals: NDArray[np.int64]
    errors: NDArray[np.float64]
    hits: NDArray[np.uint8]

    def count(self, hit: Letter) -> NDArray[np.int64]:
        """Return how many images have that letter, (K,) int64 by label."""
        counts: NDArray[np.int64] = (self.hits == ord(hit)).sum(axis=0, dtype=np.int64)
        return counts


def pack_targets(
    first: tuple[int, int],
    targets: Float32Array,
    probabilities: Float32Array,
    answers: Answers,
    thresholds: Sequence[float],
) -> PackedTargets:
    """Return the rows of consecutive images whose targets are given.

    Args:
        first: the run, and the ordinal of the first image.
        targets: (B, K) float32, NaN for what is not known.
        probabilities: (B, K) float32, the answers.
        answers: what they are: labels or values.
        thresholds: K, of labels.

    Raises:
        ValueError: the targets do not fit the answers.
    """
    if answers not in (Answers.LABELS, Answers.VALUES):
        raise ValueError("targets belong to answers of labels or values")
    if targets.dtype != np.float32 or targets.shape != probabilities.shape:
        msg = f"targets must be float32 of shape {probabilities.shape}, not {targets.shape}"
        raise ValueError(msg)
    if answers is Answers.LABELS:
        return _of_labels(*first, targets, probabilities, thresholds)
    return _of_values(*first, targets, probabilities)


def _of_labels(
    run_id: int,
    start: int,
    targets: Float32Array,
    probabilities: Float32Array,
    thresholds: Sequence[float],
) -> PackedTargets:
    known = ~np.isnan(targets)
    if not np.isin(targets[known], (0, 1)).all():
        raise ValueError("targets of labels must be 1, 0 or NaN")
    letters = hits_of(probabilities, thresholds, targets)
    labelled: NDArray[np.bool_] = np.any(known, axis=1)
    wrong = np.isin(letters, [ord(Letter.FALSE), ord(Letter.MISSED)]).sum(axis=1)
    # A known label without a finite probability is not answered at all, so not rightly.
    answered: NDArray[np.bool_] = np.all(np.isfinite(probabilities) | ~known, axis=1)
    right = labelled & (wrong == 0) & answered
    rows = [
        {
            "run_id": run_id,
            "ordinal": start + row,
            "hits": letters[row].tobytes().decode("ascii"),
            "target": None,
            "error": float(wrong[row]) if answered[row] else None,
        }
        for row in np.flatnonzero(labelled).tolist()
    ]
    return PackedTargets(rows, labelled, right)


def _of_values(
    run_id: int, start: int, targets: Float32Array, probabilities: Float32Array
) -> PackedTargets:
    known = np.isfinite(targets)
    rows, errors = [], []
    for row in np.flatnonzero(known.any(axis=1)).tolist():
        there = known[row]
        off = probabilities[row, there].astype(np.float64) - targets[row, there]
        error = float(np.abs(off).mean())
        if math.isfinite(error):
            errors.append(error)
        rows.append(
            {
                "run_id": run_id,
                "ordinal": start + row,
                "hits": None,
                "target": pack(np.where(there, targets[row], np.float32(np.nan))),
                "error": error if math.isfinite(error) else None,
            }
        )
    none = np.zeros(len(targets), bool)
    return PackedTargets(rows, none, none, tuple(errors))


def hits_of(
    probabilities: Float32Array,
    thresholds: Sequence[float] | NDArray[np.float64],
    truth: Float32Array | None = None,
) -> NDArray[np.uint8]:
    """Return what became of each label.

    Args:
        probabilities: (…, K) float32.
        thresholds: K; a label is given from its threshold on.
        truth: (…, K) float32, 1 or 0, NaN where it is not known; None where nothing is.

    Returns:
        (…, K) uint8, the codes of :class:`Letter`.
    """
    if truth is None:
        truth = np.full_like(probabilities, np.nan)
    finite = np.isfinite(probabilities)
    given = finite & (probabilities >= np.asarray(thresholds, np.float64))
    true, false = truth == 1, truth == 0
    cases = [true & given, false & given, true, false & finite, given]
    letters: NDArray[np.uint8] = _CODES[np.select(cases, [0, 1, 2, 3, 4], 5)]
    return letters


def added(error_sum: float | None, errors: Sequence[float]) -> float | None:
    """Return a sum with more errors, one by one: the same however they are cut into batches."""
    for error in errors:
        error_sum = (error_sum or 0.0) + error
    return error_sum


def target_of(row: AnyRow, count: int) -> Target | None:
    """Return the target of a row with the columns of `targets`, for so many labels or values.

    Raises:
        DamagedBlob: it is damaged.
    """
    what = f"image {row.ordinal}: its target"
    if row.hits is not None:
        letters = [*row.hits]
        if len(letters) != count or not all(one in list(Letter) for one in letters):
            raise DamagedBlob(f"{what}: the stored value {_NO_LABEL_SAID}; it is left out")
        truth = [_TRUTHS.get(Letter(one), math.nan) for one in letters]
        return Target(np.array(truth, np.float32), row.hits, row.error)
    if row.target is None:
        return None
    try:
        return Target(unpack(row.target, (count,), "<f4"), None, row.error)
    except DamagedBlob as error:
        raise DamagedBlob(f"{what}: the stored value {error}; it is left out") from error


def targets_of(rows: Iterable[AnyRow], labels: int) -> Targets:
    """Return what rows of `TARGETS` say, by ordinal; `labels` is 0 for values.

    Rows whose letters are damaged are left out.
    """
    found = sorted(
        (row for row in rows if not labels or (row.hits is not None and len(row.hits) == labels)),
        key=lambda row: int(row.ordinal),
    )
    joined = "".join(row.hits for row in found).encode("ascii", "replace") if labels else b""
    return Targets(
        ordinals=np.array([row.ordinal for row in found], np.int64),
        errors=np.array([math.nan if row.error is None else row.error for row in found]),
        hits=np.frombuffer(joined, np.uint8).reshape(len(found), labels),
    )
