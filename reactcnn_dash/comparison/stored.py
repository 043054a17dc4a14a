"""Comparisons as the store keeps them: found there, or computed and put there."""

from __future__ import annotations

import json
import os
import zlib
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from reactcnn_dash import analysis, background
from reactcnn_dash.comparison import report as comparison_report
from reactcnn_dash.comparison.comparing import (
    Changed,
    ComparedLayer,
    Comparison,
    Parting,
    common_layers,
    compare,
)
from reactcnn_dash.comparison.finite import NotFinite
from reactcnn_dash.comparison.stream import Pairs
from reactcnn_dash.db import ComparisonKey, StoreError, StoreReader, save_comparison
from reactcnn_dash.errors import WrongUsage


def checked_method(key: str, parameter: float | None) -> tuple[str, float | None]:
    """Return how filters are to be clustered, as it was asked for.

    Raises:
        WrongUsage: no such method, or a parameter out of its range.
    """
    method = analysis.METHODS.get(key)
    if method is None:
        raise WrongUsage(f"No method {key!r}; there are {', '.join(analysis.METHODS)}.")
    if parameter is not None and not method.minimum <= parameter <= method.maximum:
        raise WrongUsage(
            f"{method.label}: the {method.parameter} {method.symbol} lies between "
            f"{method.minimum:g} and {method.maximum:g}, not {parameter:g}."
        )
    return key, parameter


_BEGINNING = f'{{"format": {comparison_report.FORMAT}, '.encode()


def key_of(
    reader: StoreReader, a: int | str, b: int | str, method: str, parameter: float | None
) -> ComparisonKey:
    """Return what names the comparison of two runs as they stand now.

    Raises:
        StoreError: a run is not there, or the store cannot be read.
    """
    first, second = reader.run(a), reader.run(b)
    return ComparisonKey(first.id, second.id, method, parameter, first.stored, second.stored)


def stored_comparison(reader: StoreReader, key: ComparisonKey) -> bytes | None:
    """Return the packed comparison that the store holds for a key.

    One that is damaged, or in the format of another version, is none.

    Raises:
        StoreError: the store cannot be read.
    """
    packed = reader.comparison(key)
    if packed is None:
        return None
    try:
        text = zlib.decompress(packed)
    except zlib.error:
        return None
    return packed if text.startswith(_BEGINNING) else None


def computed_comparison(url: str, key: ComparisonKey) -> bytes:
    """Compute a comparison, store it, and return it packed.

    A helper process shares the work. A store that cannot be written to costs the stored copy, not
    the answer.

    Raises:
        NotComparable: no common image or no common layer.
        analysis.TooFewImages: fewer usable images in common than a correlation needs.
        StoreError: a run is not there, or the store cannot be read.
    """
    background.report(0, 0)
    # The helper has a core for itself; a second thread that waits for it would slow both down.
    with threadpool_limits(max(1, (os.cpu_count() or 1) - 1), "blas"):
        found = compare(
            StoreReader(url),
            key.a,
            key.b,
            key.method,
            key.parameter,
            helper=background.helper(),
        )
    packed = zlib.compress(comparison_report.as_json(found).encode(), 3)
    then = ComparisonKey(key.a, key.b, key.method, key.parameter, found.a.stored, found.b.stored)
    try:
        save_comparison(url, then, packed)
    except StoreError:
        # A read-only or busy store: the comparison is computed again next time, nothing is lost.
        return packed
    return packed


def unpack_json(packed: bytes) -> str:
    """Return the JSON of a packed comparison, see ``comparison_report.as_json``."""
    return zlib.decompress(packed).decode()


def unpack_comparison(reader: StoreReader, packed: bytes) -> Comparison:
    """Return a packed comparison as it was computed, with the runs as they stand now.

    Raises:
        StoreError: a run is not there any more, or the store cannot be read.
    """
    read = json.loads(unpack_json(packed))
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


def _int64(values: dict[str, list[int]]) -> dict[str, Any]:
    return {name: np.array(one, np.int64) for name, one in values.items()}
