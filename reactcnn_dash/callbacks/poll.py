"""The page looks at the store: one small request a tick, answered from one frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import ClientsideFunction, Dash, Input, Output

from reactcnn_dash import ids
from reactcnn_dash.db import RunNotFound, StoreError, StoreMissing, StoreReader
from reactcnn_dash.pages.live.frames import Seen, empty_store, frame_payload

if TYPE_CHECKING:
    from reactcnn_dash.pages.run_layers import Structures


def answer(
    reader: StoreReader, structures: Structures, url: str, request: dict[str, Any]
) -> dict[str, Any]:
    """Return the answer to a poll; what the store refuses becomes a notice on the page.

    Args:
        reader: the store.
        structures: the runs' layers.
        url: its URL, for the command that an empty page shows.
        request: ``run`` (id or None for the latest), ``ordinal`` (None for the newest), ``seen``
            (uuid and ordinal on the page), optionally ``find`` (``next-misclassified``).
    """
    run, ordinal = request.get("run"), request.get("ordinal")
    seen: Seen = request.get("seen", Seen())
    payload: dict[str, Any] = {}
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
        layers = structures.of(frame.run.uuid).layers if frame.run.stored else None
        payload |= frame_payload(frame, layers, seen)
    except StoreMissing as error:
        return empty_store(url, error)
    except RunNotFound as error:
        return {"notice": str(error), "gone": True}
    except StoreError as error:
        return {"notice": str(error)}
    return payload


def register(app: Dash, reader: StoreReader, structures: Structures, url: str) -> None:
    """Register the poll and the clientside functions around it."""

    @app.callback(Output(ids.FRAME, "data"), Input(ids.REQUEST, "data"), prevent_initial_call=True)
    def poll(request: dict[str, Any]) -> dict[str, Any]:
        # The answer repeats the request's number, so that the page can tell a late one.
        return answer(reader, structures, url, request) | {"asked": request.get("number")}

    app.clientside_callback(ClientsideFunction("reactcnn", "tick"), Input(ids.TICK, "n_intervals"))
    app.clientside_callback(ClientsideFunction("reactcnn", "frame"), Input(ids.FRAME, "data"))
