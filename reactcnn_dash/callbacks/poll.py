"""The page looks at the store: one small request a tick, answered from one frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import ClientsideFunction, Dash, Input, Output

from reactcnn_dash import ids
from reactcnn_dash.db import RunNotFound, StoreError, StoreMissing
from reactcnn_dash.pages.empty import empty_store
from reactcnn_dash.pages.live.frames import Seen, frame_payload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reactcnn_dash.pages.page import Context


def answer(context: Context, request: dict[str, Any]) -> Mapping[str, Any]:
    """Return the answer to a poll; what the store refuses becomes a notice on the page.

    Args:
        context: the store.
        request: ``run`` (id or None for the latest), ``ordinal`` (None for the newest), ``seen``
            (uuid and ordinal on the page), optionally ``find`` (``next-misclassified``).
    """
    run, ordinal = request.get("run"), request.get("ordinal")
    seen: Seen = request.get("seen", Seen())
    payload: dict[str, Any] = {}
    reader, url = context.reader, context.url
    try:
        if request.get("find") == "next-misclassified" and run is not None:
            found = reader.nearest_misclassified(run, -1 if ordinal is None else ordinal, True)
            if found is None:
                payload["info"] = "No misclassified image after this one; Home starts over."
            else:
                payload["found"] = ordinal = found
        frame = reader.frame(run, ordinal)
        if frame is None:
            return empty_store(url)
        layers = context.run_layers.of(frame.run.uuid).layers if frame.run.stored else None
        payload |= frame_payload(frame, layers, seen)
    except StoreMissing as error:
        return empty_store(url, error)
    except RunNotFound as error:
        return {"notice": str(error), "gone": True}
    except StoreError as error:
        return {"notice": str(error)}
    return payload


def register(app: Dash, context: Context) -> None:
    """Register the poll and the clientside functions around it."""

    @app.callback(Output(ids.FRAME, "data"), Input(ids.REQUEST, "data"), prevent_initial_call=True)
    def poll(request: dict[str, Any]) -> dict[str, Any]:
        # The answer repeats the request's number, so that the page can tell a late one.
        return {**answer(context, request), "asked": request.get("number")}

    app.clientside_callback(ClientsideFunction("reactcnn", "tick"), Input(ids.TICK, "n_intervals"))
    app.clientside_callback(ClientsideFunction("reactcnn", "frame"), Input(ids.FRAME, "data"))
