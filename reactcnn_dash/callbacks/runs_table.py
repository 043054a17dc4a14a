"""The runs page looks at the store, a person writes on runs, and has runs deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import ClientsideFunction, Dash, Input, Output

from reactcnn_dash import ids
from reactcnn_dash.callbacks import asked
from reactcnn_dash.db import StoreError, StoreMissing, edit_run
from reactcnn_dash.pages.empty import empty_store
from reactcnn_dash.proxy import user
from reactcnn_dash.results.deleting import Deleter
from reactcnn_dash.results.runs import RunsFeed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.pages.runs.shapes import Deleted, RunEdited, RunsAnswer


def answer(feed: RunsFeed, deleter: Deleter, url: str, request: Mapping[str, object]) -> RunsAnswer:
    """Return what changed in the list of runs since the page's last answer.

    Args:
        feed: the list.
        deleter: deletes runs in the background.
        url: the store's URL, for the command that an empty page shows.
        request: what is sent for a ``RunsRequest``; ``now``: do not be content with what another
            page was told a moment ago.
    """
    heard, news = deleter.news(asked.number(request, "heard"))
    payload: RunsAnswer = {
        "heard": heard,
        "news": [{"text": one.text, "failed": one.failed} for one in news],
        "deleting": sorted(deleter.pending()),
    }
    try:
        changes = feed.since(asked.number(request, "version"), now=bool(request.get("now")))
    except StoreMissing as error:
        return {**payload, **empty_store(url, error)}
    except StoreError as error:
        return {**payload, "notice": str(error)}
    payload = {
        **payload,
        "version": changes.version,
        "whole": changes.whole,
        "rows": changes.rows,
        "removed": changes.removed,
        "runs": changes.runs,
    }
    if changes.damaged:
        return {**payload, "notice": " ".join(changes.damaged)}
    return payload if changes.runs else {**payload, **empty_store(url)}


def edited(url: str, edit: dict[str, object], author: str | None = None) -> RunEdited:
    """Change what a person wrote on a run; return the run and, if it may not be, why.

    Args:
        url: the store's URL.
        edit: what is sent for a ``RunEdit``.
        author: who wrote it, if that is known.
    """
    run_id = asked.needed(edit, "id")
    try:
        edit_run(
            url,
            run_id,
            name=asked.text(edit, "name"),
            note=asked.text(edit, "note"),
            tags=asked.texts(edit, "tags"),
            author=author,
        )
    except StoreError as error:
        return {"id": run_id, "notice": f"Not changed: {error}."}
    return {"id": run_id}


def deleted(deleter: Deleter, request: Mapping[str, object]) -> Deleted:
    """Begin to delete the runs of what is sent for a ``Doomed``; return why some may not be."""
    return {"refused": deleter.ask(asked.numbers(request, "ids"))}


def register(app: Dash, context: Context) -> None:
    """Register the callbacks of the runs page."""
    feed, deleter, url = RunsFeed(context.reader), Deleter(context.url), context.url
    context.jobs.when_started(deleter.go_on)

    @app.callback(
        Output(ids.RUNS_ANSWER, "data"),
        Input(ids.RUNS_REQUEST, "data"),
        prevent_initial_call=True,
    )
    def look(request: Mapping[str, object]) -> RunsAnswer:
        # The answer repeats the request's number, so that the page can tell a late one.
        request = asked.mapping(request)
        return {
            **answer(feed, deleter, url, request),
            "asked": asked.number(request, "number") or 0,
        }

    @app.callback(
        Output(ids.RUNS_EDITED, "data"),
        Input(ids.RUNS_EDIT, "data"),
        prevent_initial_call=True,
    )
    def edit(request: Mapping[str, object]) -> RunEdited:
        request = asked.mapping(request)
        return {**edited(url, request, user()), "number": asked.number(request, "number") or 0}

    @app.callback(
        Output(ids.RUNS_DELETED, "data"),
        Input(ids.RUNS_DOOMED, "data"),
        prevent_initial_call=True,
    )
    def delete(request: Mapping[str, object]) -> Deleted:
        return deleted(deleter, asked.mapping(request))

    app.clientside_callback(
        ClientsideFunction("reactcnn", "runsTick"), Input(ids.RUNS_TICK, "n_intervals")
    )
    for function, component, prop in (
        ("runsAnswer", ids.RUNS_ANSWER, "data"),
        ("runsEdited", ids.RUNS_EDITED, "data"),
        ("runsDeleted", ids.RUNS_DELETED, "data"),
    ):
        app.clientside_callback(
            ClientsideFunction("reactcnn", function),
            Input(component, prop),
            prevent_initial_call=True,
        )
