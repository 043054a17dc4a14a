"""The page looks at the store: one small request a tick, answered from one frame."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final

from dash import ClientsideFunction, Dash, Input, Output

from reactcnn_dash import ids
from reactcnn_dash.callbacks import asked
from reactcnn_dash.db import RunNotFound, RunState, StoreError, StoreMissing
from reactcnn_dash.pages.empty import empty_store
from reactcnn_dash.pages.live.frames import frame_payload
from reactcnn_dash.pages.live.shapes import Seen
from reactcnn_dash.results.first_visit import opening_image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reactcnn_dash.db import StoreReader
    from reactcnn_dash.pages.live.shapes import Frame
    from reactcnn_dash.pages.page import Context


_SHARED_SECONDS: Final = 0.1
"""A page asks each second, and sees no difference."""


class Followers:
    """Gives one answer to all pages that follow a run and ask at nearly the same time.

    A run that is collected has many of them, and reading the store for each took more than half of
    the server's time.

    Args:
        context: the store.
        clock: seconds of a monotonic clock.
    """

    def __init__(self, context: Context, clock: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._clock = clock
        self._answers: dict[tuple[int | None, str], tuple[float, Frame]] = {}

    def answer(self, request: Mapping[str, object]) -> Frame:
        """Return what `answer` does, from a reading at most a tenth of a second before."""
        run, seen = asked.number(request, "run"), _seen(request.get("seen"))
        uuid = seen.get("uuid")
        follows = request.get("ordinal") is None and request.get("find") is None
        if uuid is None or not follows:
            return answer(self._context, request)
        now = self._clock()
        nothing: Frame = {}
        read, found = self._answers.get((run, uuid), (-math.inf, nothing))
        if now - read > _SHARED_SECONDS:
            found = answer(self._context, {"run": run, "seen": {"uuid": uuid}})
            young = (one for one in self._answers.items() if now - one[1][0] <= _SHARED_SECONDS)
            self._answers = {**dict(young), (run, uuid): (now, found)}
        if "image" in found and "run" in found:
            shown = (found["run"]["uuid"], found["image"]["ordinal"])
            if shown == (uuid, seen.get("ordinal")):
                found = found.copy()
                del found["image"]
        return found


def answer(context: Context, request: Mapping[str, object]) -> Frame:
    """Return the answer to a poll; what the store refuses becomes a notice on the page.

    Args:
        context: the store.
        request: what is sent for a ``PollRequest``.
    """
    run, ordinal = asked.number(request, "run"), asked.number(request, "ordinal")
    seen = _seen(request.get("seen"))
    payload: Frame = {}
    reader, url = context.reader, context.url
    try:
        if request.get("find") == "next-misclassified" and run is not None:
            payload |= _next_misclassified(reader, run, -1 if ordinal is None else ordinal)
            ordinal = payload.get("found", ordinal)
        elif request.get("find") == "opening" and ordinal is None:
            payload |= _opening(reader, run)
            ordinal = payload.get("found")
        frame = reader.frame(run, ordinal)
        if frame is None:
            return {"empty": empty_store(url)["empty"], **_lacking(reader)}
        if ordinal is not None and frame.run.stored and not 0 <= ordinal < frame.run.stored:
            last = frame.run.stored - 1
            payload["found"] = nearest = max(0, min(ordinal, last))
            payload["beyond"] = (
                f"The run has no image {ordinal}: its images are 0 to {last}. "
                f"Image {nearest} is the nearest."
            )
            frame = reader.frame(frame.run.id, nearest) or frame
        layers = context.run_layers.of(frame.run.uuid).layers if frame.run.stored else None
        payload = {**payload, **frame_payload(frame, layers, seen)}
        if frame.run.state is RunState.STALLED:
            payload = {**_lacking(reader), **payload}
    except StoreMissing as error:
        return {"empty": empty_store(url, error)["empty"]}
    except RunNotFound as error:
        return {"notice": str(error), "gone": True}
    except StoreError as error:
        return {"notice": str(error)}
    return payload


def _next_misclassified(reader: StoreReader, run: int, after: int) -> Frame:
    """Return the next misclassified image; after the last comes the first."""
    found = reader.nearest_misclassified(run, after, True)
    if found is not None:
        return {"found": found}
    first = reader.nearest_misclassified(run, -1, True)
    if first is None:
        return {"info": "No image of this run is misclassified."}
    if first == after:
        return {"info": "This is the only misclassified image."}
    return {"found": first, "info": "After the last misclassified image: this is the first again."}


def _opening(reader: StoreReader, run: int | None) -> Frame:
    """Return the image that a first visit opens on, if the run has one."""
    opened = reader.latest_run() if run is None else reader.run(run)
    found = None if opened is None or not opened.stored else opening_image(reader, opened)
    return {} if found is None else {"found": found}


def _lacking(reader: StoreReader) -> Frame:
    """Return a notice if the store was copied without its log: less may be there than expected."""
    lacking = reader.lacks_log()
    return {} if lacking is None else {"notice": lacking}


def _seen(value: Any) -> Seen:
    if value is None:
        return Seen()
    seen = asked.mapping(value, "seen")
    found = Seen()
    uuid, ordinal = asked.text(seen, "uuid"), asked.number(seen, "ordinal")
    if uuid is not None:
        found["uuid"] = uuid
    if ordinal is not None:
        found["ordinal"] = ordinal
    return found


def register(app: Dash, context: Context) -> None:
    """Register the poll and the clientside functions around it."""
    followers = Followers(context)

    @app.callback(Output(ids.FRAME, "data"), Input(ids.REQUEST, "data"), prevent_initial_call=True)
    def poll(request: Mapping[str, object]) -> Frame:
        # The answer repeats the request's number, so that the page can tell a late one.
        request = asked.mapping(request)
        return {**followers.answer(request), "asked": asked.number(request, "number") or 0}

    app.clientside_callback(ClientsideFunction("reactcnn", "tick"), Input(ids.TICK, "n_intervals"))
    app.clientside_callback(ClientsideFunction("reactcnn", "frame"), Input(ids.FRAME, "data"))
