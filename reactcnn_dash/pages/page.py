"""What a page is: its address, what stands on it, and what it asks the server for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from dash import ClientsideFunction, Dash, Input

from reactcnn_dash.jobs.model import ModelAtHand
from reactcnn_dash.pages.run_layers import RunLayers
from reactcnn_dash.results.clusters.clustering import Clusterings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dash.development.base_component import Component
    from flask import Blueprint

    from reactcnn_dash.db import StoreReader
    from reactcnn_dash.jobs.runner import Jobs
    from reactcnn_dash.pages.help import Help


class Context:
    """What all pages work with.

    Attributes:
        reader: the store.
        url: its URL, for who writes to it and for hints.
        jobs: does what a request must not wait for.
        run_layers: the layers of the runs that were looked at last.
        clusters: gives the clusters of layers.
        model: answers questions by a run's own model.
    """

    def __init__(self, reader: StoreReader, url: str, jobs: Jobs) -> None:
        self.reader = reader
        self.url = url
        self.jobs = jobs
        self.run_layers = RunLayers(reader)
        self.clusters = Clusterings(url, jobs)
        self.model = ModelAtHand(url)


class Control(NamedTuple):
    """A control whose effect stays in the browser: the clientside function that it calls."""

    function: str
    component: str
    property: str


@dataclass(frozen=True, slots=True)
class Content:
    """What stands on a page.

    Attributes:
        head: in the header, between the links and the help.
        body: below it.
        around: beside all that, seen or not.
        look: the class by which the page's own style finds it.
    """

    body: Sequence[Any]
    head: Sequence[Any] = ()
    around: Sequence[Any] = ()
    look: str = ""


def no_callbacks(_app: Dash, _context: Context) -> None:
    """Register nothing: everything on the page stays in the browser, or goes by routes."""


def no_routes(_context: Context) -> Iterable[Blueprint]:
    """Return nothing: the page has no routes of its own."""
    return ()


def nothing_later() -> Mapping[str, Component]:
    """Return nothing: all of the page is there from the beginning."""
    return {}


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        name: in the header.
        path: its address.
        folder: of its scripts and looks, in ``assets/``.
        content: makes what stands on it.
        help: what "How to read this" opens.
        routes: makes what it asks the server for.
        callbacks: registers what it asks by way of Dash.
        controls: those that only call a clientside function.
        later: what it puts in place when somebody wants it, by the id of the place.
        plain: whether it is made of HTML alone, without Mantine's components.
        listed: whether the header links to it.
        reads: the callbacks, by their output, and the routes, by their endpoint, that are asked by
            POST and change nothing; all others are closed where the server is read-only.
        own_picture: whether it draws the picture of itself with its own button.
    """

    name: str
    path: str
    folder: str
    content: Callable[[], Content]
    help: Help
    routes: Callable[[Context], Iterable[Blueprint]] = no_routes
    callbacks: Callable[[Dash, Context], None] = no_callbacks
    controls: Sequence[Control] = field(default=())
    later: Callable[[], Mapping[str, Component]] = nothing_later
    plain: bool = False
    listed: bool = True
    own_picture: bool = False
    reads: Sequence[str] = ()


def connect(app: Dash, controls: Iterable[Control]) -> None:
    """Let controls call clientside functions, which only act."""
    for function, component, prop in controls:
        app.clientside_callback(
            ClientsideFunction("reactcnn", function),
            Input(component, prop),
            prevent_initial_call=True,
        )
