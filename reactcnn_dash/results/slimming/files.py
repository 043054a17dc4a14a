"""The file of a slim network, if it is on this machine and still that network."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from reactcnn_dash.errors import UserError
from reactcnn_dash.jobs.cache import Cache

if TYPE_CHECKING:
    from reactcnn_dash.db import Slimming


class FileGone(UserError):
    """The file of a slim network is not there any more; the text says where it was."""


class SlimFiles:
    """Knows files by their SHA-256, read once for each size and time of change."""

    def __init__(self) -> None:
        self._digests: Cache[str] = Cache(64)

    def path_of(self, slimming: Slimming) -> Path | None:
        """Return where the file is, None if it is not here or has become another."""
        path = Path(slimming.output)
        try:
            if path.suffix != ".keras" or not path.is_file():
                return None
            known = path.stat()
            key = (str(path), known.st_size, known.st_mtime_ns)
            found = self._digests.of(key, lambda: digest(path))
        except OSError:
            return None
        return path if found == slimming.result.get("file_sha256") else None

    def require(self, slimming: Slimming) -> Path:
        """Return where the file is.

        Raises:
            FileGone: it is not here, or has become another.
        """
        path = self.path_of(slimming)
        if path is None:
            raise FileGone(
                f"{slimming.output} is not on the machine of this server any more, or is another "
                "network by now. Make it again with the command of its point."
            )
        return path


def digest(path: Path) -> str:
    """Return the SHA-256 of a file (hex), by which it is known again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
