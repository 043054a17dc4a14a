"""Routes that ask the model at hand: an answer without some filters, maps that are not stored."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import numpy as np
from flask import Response, request

from reactcnn_dash.analysis.scales import NOT_FINITE, NOUGHT
from reactcnn_dash.finite import rounded, significant
from reactcnn_dash.pages.json_routes import (
    RequestRefused,
    done,
    json_routes,
    number,
    optional_number,
    ready,
)
from reactcnn_dash.pages.live.frames import gap_ranges
from reactcnn_dash.results.maps_again import maps_question
from reactcnn_dash.results.what_if import INSTEAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Blueprint
    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer, Run
    from reactcnn_dash.jobs.messages import Message
    from reactcnn_dash.pages.live.shapes import ClassMap, WhatIf
    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.results.what_if import OverRunQuestion, SwitchedOff, WhatIfQuestion

MOST_CLASSES = 10
MOST_OFF = 4096
_OFF = re.compile(r"\d{1,5}:\d{1,6}(?:,\d{1,6})*")


def difference_codes(
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    layers: Sequence[Layer],
    span: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """Quantise how far GAP values moved to one byte a filter: 127 + 127 · sign(d) √(|d| / span).

    Args:
        before: ``(F,)`` float32, all layers concatenated.
        after: likewise.
        layers: the layers of the run, in order.
        span: ``(L,)`` float32, the width of each layer's colour scale.

    Returns:
        ``(F,)`` uint8; 255 marks what is not finite.
    """
    difference = after.astype(np.float64) - before
    width = np.repeat(span.astype(np.float64), [layer.filters for layer in layers])
    finite = np.isfinite(difference)
    share = np.divide(difference, width, out=np.zeros_like(difference), where=finite & (width > 0))
    signed = np.sign(share) * np.sqrt(np.minimum(np.abs(share), 1))
    codes: NDArray[np.uint8] = np.rint(NOUGHT * (1 + signed)).astype(np.uint8)
    codes[~finite] = NOT_FINITE
    return codes


def shown_classes(
    before: NDArray[np.float32], after: NDArray[np.float32], label: int | None
) -> list[int]:
    """Return the classes worth showing: all of a few, else the largest of both and the label."""
    if len(before) <= MOST_CLASSES:
        return list(range(len(before)))
    half = MOST_CLASSES // 2
    chosen = [
        *np.argsort(-np.nan_to_num(before, nan=-1), kind="stable")[:half].tolist(),
        *np.argsort(-np.nan_to_num(after, nan=-1), kind="stable")[:half].tolist(),
        *([] if label is None else [label]),
    ]
    return list(dict.fromkeys(chosen))


def what_if_payload(found: Message, run: Run, layers: Sequence[Layer], label: int | None) -> WhatIf:
    """Return what the page shows of an image with some filters switched off."""
    before, after = found.arrays["before"], found.arrays["after"]
    low, high = gap_ranges(run)
    codes = difference_codes(
        found.arrays["gap_before"], found.arrays["gap_after"], layers, high - low
    )
    return {
        "classes": [
            (index, rounded(before[index]), rounded(after[index]))
            for index in shown_classes(before, after, label)
        ],
        "before": _prediction(before),
        "after": _prediction(after),
        "codes": base64.b64encode(codes.tobytes()).decode(),
        "spans": [significant(value, 4) or 0.0 for value in high - low],
        "rounded": run.options.get("reading") == "keras",
    }


def class_map_payload(found: Message) -> ClassMap:
    """Return a Grad-CAM as the page draws it."""
    values = np.nan_to_num(found.arrays["map"], posinf=0.0)
    highest = float(values.max(initial=0))
    codes = np.rint(255 * values / highest) if highest > 0 else np.zeros_like(values)
    height, width = values.shape
    return {
        "height": height,
        "width": width,
        "codes": base64.b64encode(codes.astype(np.uint8).tobytes()).decode(),
        "nowhere": highest == 0,
        "beforeSoftmax": bool(found.head["before_softmax"]),
    }


def blueprint(context: Context) -> Blueprint:
    """Return the routes that ask the model at hand."""
    routes = json_routes("model")
    reader, model = context.reader, context.model

    @routes.get("/<uuid>/what-if/<int:ordinal>")
    def what_if(uuid: str, ordinal: int) -> Response:
        question: WhatIfQuestion = {"ask": "what-if", "ordinal": ordinal, **_switched_off()}
        found = ready(model.ask(uuid, question))
        run = reader.run(uuid)
        label = next(reader.image_facts(run, ordinal, ordinal + 1)).label
        return done(what_if_payload(found, run, context.run_layers.of(uuid).layers, label))

    @routes.get("/<uuid>/what-if")
    def over_run(uuid: str) -> Response:
        return done(ready(model.ask(uuid, _over_run(reader.run(uuid)))).head)

    @routes.post("/<uuid>/what-if/cancel")
    def cancel(uuid: str) -> Response:
        model.cancel(uuid, _over_run(reader.run(uuid)))
        return done({})

    @routes.get("/<uuid>/maps/<int:ordinal>")
    def maps(uuid: str, ordinal: int) -> Response:
        return done(ready(model.ask(uuid, maps_question(ordinal))).head)

    @routes.get("/<uuid>/grad-cam/<int:ordinal>")
    def grad_cam(uuid: str, ordinal: int) -> Response:
        asked = {"class": number("class"), "layer": number("layer")}
        found = ready(model.ask(uuid, {"ask": "grad-cam", "ordinal": ordinal, **asked}))
        return done(class_map_payload(found))

    return routes


def _over_run(run: Run) -> OverRunQuestion:
    # A run that has grown is another question, so whoever asks says of how many images.
    asked = optional_number("stored")
    stored = run.stored if asked is None else min(asked, run.stored)
    return {"ask": "what-if-run", "stored": stored, **_switched_off()}


def _switched_off() -> SwitchedOff:
    """Return which filters the request switches off, and what is to stand in their place.

    Raises:
        RequestRefused: it does not say so.
    """
    instead = request.args.get("instead", INSTEAD[0])
    if instead not in INSTEAD:
        raise RequestRefused(f"Filters are replaced by zero or their mean, not {instead[:20]!r}.")
    parts = request.args.get("off", "").split(";")
    if not all(_OFF.fullmatch(part) for part in parts):
        raise RequestRefused("off names filters as layer:filter,filter;layer:filter.")
    off: list[tuple[int, list[int]]] = []
    for part in parts:
        layer, _, filters = part.partition(":")
        off.append((int(layer), sorted({int(one) for one in filters.split(",")})))
    if sum(len(filters) for _, filters in off) > MOST_OFF:
        raise RequestRefused(f"At most {MOST_OFF:,} filters are switched off at a time.")
    return {"off": sorted(off), "instead": instead}


def _prediction(probabilities: NDArray[np.float32]) -> int | None:
    if not np.isfinite(probabilities).all():
        return None
    return int(np.argmax(probabilities))
