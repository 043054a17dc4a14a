"""A run taken out of the store: `files` writes it, `command` is the command line of both programs.

What is imported here loads at once; `files` takes a second, for pandas and Arrow.
"""

import re

from reactcnn_dash.errors import INPUT, OUTPUT, UserError

_MOST_BYTES = 110

FORMATS = ("npz", "parquet", "graphml")
"""What a run can be written as."""


class ExportError(UserError):
    """The files cannot be written; the text says why and what to do."""

    exit_code = OUTPUT


class NoSuchLayer(ExportError):
    """The run has no layer of a name that was given."""

    exit_code = INPUT


def run_stem(run_id: int, name: str) -> str:
    """Return what the files of a run begin with: its id tells runs of one name apart."""
    return file_name(f"{run_id}-{name}")


def file_name(text: str) -> str:
    """Return a text with what no file name should hold replaced; may be empty.

    At most 110 bytes of UTF-8: file systems take 255, and what follows is a layer's name.
    """
    clean = re.sub(r"[^\w.-]+", "-", text).strip("-.")
    return clean.encode()[:_MOST_BYTES].decode(errors="ignore").rstrip("-.")
