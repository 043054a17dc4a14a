"""Errors of the store; the text of each is one line for the user: what is wrong and what to do."""

# Named by what happened, as the caller reads them: `except RunBusy`.

from __future__ import annotations

from reactcnn_dash.errors import STORE, UserError


class StoreError(UserError):
    """Base of everything that the store reports."""

    exit_code = STORE


class StoreMissing(StoreError):
    """There is no store at this place."""


class StoreGone(StoreError):
    """The store's file was deleted, renamed or replaced while it was written."""


class NotAStore(StoreError):
    """The file or database exists, but it is not a store of this tool."""


class StoreCorrupt(StoreError):
    """The store's file is damaged beyond a single value."""


class StoreReadOnly(StoreError):
    """The store cannot be written (or, in a read-only folder, cannot be read safely)."""


class StoreLocked(StoreError):
    """Another process held the store for longer than the time allowed."""


class StoreUnreachable(StoreError):
    """The database server does not answer, or went away; what was acknowledged before is safe."""


class StoreFull(StoreError):
    """The disk is full; what was acknowledged before is safe."""


class StoreOutdated(StoreError):
    """The store has an older schema; the text holds the exact command that upgrades it."""


class StoreNewer(StoreError):
    """The store was made by a newer version of the tool."""

    @classmethod
    def at(cls, place: object) -> StoreNewer:
        """Return what to say of a store."""
        return cls(f"{place}: made by a newer version: upgrade the tool")


class RunNotFound(StoreError):
    """The store has no such run."""


class RunBusy(StoreError):
    """The run is being collected, or deleted, by another process."""

    @classmethod
    def taken_over(cls, place: object, run_id: int) -> RunBusy:
        """Return what to say where another process has become a run's writer."""
        return cls(f"{place}: run {run_id} was taken over by another process: stop here")


class EditRefused(StoreError):
    """A name, note or tag that a run cannot have."""


class ImageNotFound(StoreError):
    """The run has no image with this ordinal."""


class NothingThere(RunNotFound, ImageNotFound):
    """What was asked for by a number or a name that no row of a store can have."""


class DamagedRow(StoreError):
    """A run, or something else that is one row, holds what it may not; others are unaffected."""


class DamagedBlob(StoreError):
    """One stored array fails its checks; the rest of the store is unaffected."""


class Pruned(DamagedBlob):
    """A value was pruned: it was taken out of the store on purpose, and the sums over it stay."""
