"""A run taken out of the store: `files` writes it, `command` is the command line of both programs.

What is imported here loads at once; `files` takes a second, for pandas and Arrow.
"""

import re

from reactcnn_dash.errors import OUTPUT, UserError

FORMATS = ("npz", "parquet", "graphml")
"""What a run can be written as."""


class ExportError(UserError):
    """The files cannot be written; the text says why and what to do."""

    exit_code = OUTPUT


def run_stem(run_id: int, name: str) -> str:
    """Return what the files of a run begin with: its id tells runs of one name apart."""
    return file_name(f"{run_id}-{name}")


def file_name(text: str) -> str:
    """Return a text with what no file name should hold replaced; may be empty."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")
