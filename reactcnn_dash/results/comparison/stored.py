"""Comparisons as the store keeps them: found there, or computed and put there."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from reactcnn_dash import analysis
from reactcnn_dash.db import ComparisonKey, StoreReader, inflated, save_comparison
from reactcnn_dash.jobs.kept import found_or_computed
from reactcnn_dash.jobs.worker import cores, helper, report_progress
from reactcnn_dash.kinds import sound
from reactcnn_dash.results.comparison import in_words
from reactcnn_dash.results.comparison.comparing import (
    Changed,
    ComparedLayer,
    Comparison,
    Parting,
    common_layers,
    compare,
)
from reactcnn_dash.results.comparison.finite import NotFinite
from reactcnn_dash.results.comparison.stream import Pairs
from reactcnn_dash.results.stored import DAMAGED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.jobs.helping import Submits


_BEGINNING = f'{{"format": {in_words.FORMAT}, '.encode()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs by their ids, and how their filters are clustered."""

    a: int
    b: int
    method: str
    parameter: float | None


@dataclass(frozen=True, slots=True, eq=False)
class KeptComparison:
    """A comparison, and how many images the runs had when it was made."""

    images: tuple[int, int]
    found: Comparison


def stored_comparison(reader: StoreReader, pair: Pair) -> KeptComparison | None:
    """Return the comparison that the store holds of two runs as they stand now.

    One that is damaged, or in the format of another version, is none.

    Raises:
        StoreError: a run is not there, or the store cannot be read.
    """
    key = _key(pair, reader.run(pair.a).stored, reader.run(pair.b).stored)
    packed = reader.comparison(key)
    if packed is None:
        return None
    try:
        text = inflated(packed)
        if not text.startswith(_BEGINNING):
            return None
        found = _unpack(reader, text)
    except DAMAGED:
        return None
    return KeptComparison((key.images_a, key.images_b), found) if sound(found) else None


def computed_comparison(url: str, pair: Pair, by: Submits | None = None) -> KeptComparison:
    """Return the comparison of two runs, computed and stored unless the store has it.

    Args:
        url: the store's URL.
        pair: the runs.
        by: takes a part of the work; None: the helper of this worker, if it has one.

    Raises:
        NotComparable: no common image or no common layer.
        analysis.TooFewImages: fewer usable images in common than a correlation needs.
        StoreError: a run is not there, or the store cannot be read.
    """
    reader = StoreReader(url)

    def compute() -> KeptComparison:
        report_progress(0, 0)
        by_another = helper() if by is None else by
        # Who helps has a core for itself; a second thread that waits for it would slow both down.
        with threadpool_limits(max(1, cores() - 1), "blas"):
            found = compare(reader, pair.a, pair.b, pair.method, pair.parameter, helper=by_another)
        return KeptComparison((found.a.stored, found.b.stored), found)

    def keep(made: KeptComparison) -> None:
        packed = zlib.compress(
            json.dumps(in_words.as_dict(made.found), allow_nan=False).encode(), 3
        )
        save_comparison(url, _key(pair, *made.images), packed)

    return found_or_computed(lambda: stored_comparison(reader, pair), compute, keep)


def _key(pair: Pair, images_a: int, images_b: int) -> ComparisonKey:
    return ComparisonKey(pair.a, pair.b, pair.method, pair.parameter, images_a, images_b)


def _unpack(reader: StoreReader, text: bytes) -> Comparison:
    """Return a stored comparison as it was computed, with the runs as they stand now."""
    read = json.loads(text)
    a, b = reader.run(read["a"]["id"]), reader.run(read["b"]["id"])
    layers, unmatched = common_layers(reader, a, b)
    blank = tuple(NotFinite(one["run"], tuple(one["layers"])) for one in read["not_finite"])
    left_out = {name for one in blank for name in one.layers}
    layers = tuple(both for both in layers if both[0].name not in left_out)
    return Comparison(
        a=a,
        b=b,
        images=read["images"],
        left_out=read["left_out"],
        labelled=read["labelled"],
        accuracy=None if read["accuracy"] is None else _two_floats(read["accuracy"]),
        # What was made before targets were known has none.
        errors=None if read.get("errors") is None else _two_floats(read["errors"]),
        confidence=_two_floats(read["confidence"]),
        pairs=Pairs(**_int64(read["pairs"])),
        changed=Changed(**_int64(read["changed"])),
        layers=tuple(
            ComparedLayer(*both, _layer(values))
            for both, values in zip(layers, read["layers"], strict=True)
        ),
        unmatched=unmatched,
        not_finite=blank,
        cka=np.array(read["cka"], np.float64),
        cka_images=read["cka_images"],
        parting=Parting(read["parting"]["layer"], tuple(read["parting"]["filters"])),
        method=read["method"],
        parameter=read["parameter"],
    )


def _layer(values: dict[str, Any]) -> analysis.LayerComparison:
    matches, clusters = values["matches"], values["clusters"]
    return analysis.LayerComparison(
        n=values["n"],
        cka=_float(values["cka"]),
        same_index=np.array(values["same_index"], np.float64),
        matches=analysis.Matches(
            match=np.array(matches["match"], np.int32),
            r=np.array(matches["r"], np.float64),
            margin=np.array(matches["margin"], np.float64),
            left_out=tuple(matches["left_out"]),
        ),
        clusters=analysis.Clusters(
            a=np.array(clusters["a"], np.int32),
            b=np.array(clusters["b"], np.int32),
            ari=_float(clusters["ari"]),
            nmi=_float(clusters["nmi"]),
            flow=tuple(analysis.Flow(**one) for one in clusters["flow"]),
            parameter=clusters["parameter"],
        ),
        constant=tuple(values["constant"]),
        dead=tuple(values["dead"]),
        died=tuple(values["died"]),
        came_alive=tuple(values["came_alive"]),
    )


def _float(value: float | None) -> float:
    return float("nan") if value is None else value


def _two_floats(values: list[float | None]) -> tuple[float, float]:
    first, second = values
    return _float(first), _float(second)


def _int64(values: dict[str, list[int]]) -> dict[str, NDArray[np.int64]]:
    return {name: np.array(one, np.int64) for name, one in values.items()}
