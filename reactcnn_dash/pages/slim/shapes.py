"""What the slim page is sent: a network's slim ones as they were measured, and how far one is."""

from __future__ import annotations

from typing import Literal, TypedDict


class Measured(TypedDict):
    """A share before and after, with 95 % intervals of the second and of the change."""

    before: float
    after: float
    after95: tuple[float, float] | None
    change95: tuple[float, float] | None


class Width(TypedDict):
    """How many filters a layer has, and how many stay."""

    name: str
    before: int
    after: int


class Point(TypedDict):
    """A slim network.

    ``parameters`` and ``multiplyAdds`` are shares of the whole network's that stay; ``speed`` is in
    images a second, before and after; ``before`` and ``after`` are the runs. ``file``: whether the
    model is on the server's machine.
    """

    id: int
    name: str
    path: str
    made: str
    method: str
    asked: str
    fineTuned: int
    parameters: float
    parametersCount: int
    multiplyAdds: float
    multiplyAddsCount: int
    accuracy: Measured | None
    agreement: Measured | None
    images: int
    source: str
    calibration: str
    slimmedWith: bool
    speed: tuple[float, float] | None
    before: int | None
    after: int | None
    file: bool
    layers: list[Width]
    whole: list[tuple[str, str]]
    gone: int
    explained: float | None


class SlimRun(TypedDict):
    """The run of a whole network."""

    id: int
    name: str


class Origin(TypedDict):
    """What the network of a run was made of."""

    run: int | None
    name: str


class Slims(TypedDict):
    """Everything about a network's slim ones; ``origin`` if it is a slim one itself."""

    run: SlimRun
    origin: Origin | None
    points: list[Point]


class Gone(TypedDict):
    """The filters that went, by the name of their layer."""

    name: str
    layers: dict[str, list[int]]


class Recipe(TypedDict):
    """The command that makes a slim network, and why the server cannot, if so."""

    command: str
    obstacle: str | None


class Trial(TypedDict):
    """How far a slim network is that is made from the page.

    Not a ``Running``: a command goes on whoever looks, can be cancelled, and answers nothing.
    """

    state: Literal["idle", "running", "made", "failed", "cancelled"]
    phase: str
    done: int
    total: int
    message: str
    run: int | None


class Prediction(TypedDict):
    """What a budget would leave: widths and unexplained shares by budget, share and layer.

    ``shares`` are the budgets in per cent, ascending.
    """

    names: list[str]
    filters: list[int]
    shares: list[int]
    widths: dict[str, list[list[int]]]
    residuals: dict[str, list[list[float]]]
