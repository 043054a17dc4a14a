"""From what the user asked for to a part in a shared run: the first to come begins it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.session import prepare, prepare_again
from collector.sharing import Part
from reactcnn_dash.db import SharedRun
from reactcnn_dash.results.moments import merged

if TYPE_CHECKING:
    from collector.frameworks.protocol import Network
    from collector.images import ImageSource
    from collector.request import Request
    from collector.session import Prepared
    from collector.signals import StopSignals
    from reactcnn_dash.db import Run


@dataclass(frozen=True, slots=True, eq=False)
class SharedSession:
    """A worker that is ready.

    Attributes:
        part: what it works with.
        shared: the run; whoever has the session closes it.
        network: the network that runs.
        notices: what the user should know, one line each.
    """

    part: Part
    shared: SharedRun
    network: Network
    notices: tuple[str, ...]


def begin(
    request: Request, key: str, source: ImageSource, signals: StopSignals
) -> SharedSession | None:
    """Begin a run that others can take part in; ``None`` if somebody else has just begun it.

    Raises:
        ModelError, ImageSourceError, StoreError: as for ``session.begin``.
    """
    prepared, new = prepare(request, source)
    signals.finish_batches()
    shared = SharedRun.begin(request.store, key, new, merged, durable=request.durable)
    return None if shared is None else _ready(prepared, shared, request.pace)


def join(request: Request, run: Run, source: ImageSource, signals: StopSignals) -> SharedSession:
    """Take part in a shared run.

    Raises:
        ResumeError, ModelError, ImageSourceError, StoreError: as for ``session.resume``.
    """
    prepared = prepare_again(request, run, source)
    signals.finish_batches()
    shared = SharedRun.join(request.store, run.id, merged, durable=request.durable)
    pace = request.pace if request.pace is not None else run.options.get("pace")
    return _ready(prepared, shared, pace)


def _ready(prepared: Prepared, shared: SharedRun, pace: float | None) -> SharedSession:
    part = Part(prepared.images, prepared.labels, prepared.proven.capture, pace)
    return SharedSession(part, shared, prepared.network, prepared.notices)
