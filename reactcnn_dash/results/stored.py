"""Results that the store keeps of a run, each kind with its own bytes."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from reactcnn_dash.db import DamagedBlob, KeptResult, keep_result
from reactcnn_dash.jobs.kept import found_or_computed
from reactcnn_dash.kinds import sound
from reactcnn_dash.results.freshness import may_stand

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactcnn_dash.db import Run, StoreReader

T = TypeVar("T")

DAMAGED: Final = (
    *(DamagedBlob, ValueError, LookupError, TypeError, AttributeError, RecursionError),
    *(ArithmeticError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error),
)
"""What reading a result back may raise where its bytes are not what was stored."""


@dataclass(frozen=True, slots=True)
class StoredKind(Generic[T]):
    """A kind of result: how it is named, and written.

    Attributes:
        name: what the store calls it.
        images: of how many images of its run a result is.
        pack: gives its bytes.
        unpack: gives it back, from the bytes and the number of images; what it raises means that
            the bytes are damaged.
    """

    name: str
    images: Callable[[T], int]
    pack: Callable[[T], bytes]
    unpack: Callable[[bytes, int], T]

    def find(self, reader: StoreReader, run: Run, settings: str = "") -> T | None:
        """Return what the store holds of a run, of whatever images; a damaged one is none.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._find(reader, run, settings, lambda images: images <= run.stored)

    def find_recent(self, reader: StoreReader, run: Run, settings: str = "") -> T | None:
        """Return what the store holds of a run, if it is recent enough; a damaged one is none.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._find(reader, run, settings, lambda images: may_stand(run, images))

    def save(
        self, url: str, run: Run, value: T, settings: str = "", *, odd: int | None = None
    ) -> None:
        """Store a result in place of the former, and how many images stand out by it, if given.

        Raises:
            StoreError: the store cannot be written.
        """
        kept = KeptResult(self.images(value), self.pack(value))
        keep_result(url, run.id, self.name, settings, kept, odd=odd)

    def found_or_computed(
        self, url: str, reader: StoreReader, run: Run, settings: str, compute: Callable[[], T]
    ) -> T:
        """Return the recent one of the store, or else a new one, see ``jobs.kept``.

        Raises:
            StoreError: the store cannot be read.
            Exception: what ``compute`` raises.
        """
        return found_or_computed(
            lambda: self.find_recent(reader, run, settings),
            compute,
            lambda made: self.save(url, run, made, settings),
        )

    def _find(
        self, reader: StoreReader, run: Run, settings: str, good: Callable[[int], bool]
    ) -> T | None:
        found = reader.kept(run.id, self.name, settings)
        if found is None or not good(found.images):
            return None
        try:
            made = self.unpack(found.value, found.images)
        except DAMAGED:
            return None
        return made if sound(made) else None
